import { z } from 'zod';
import { type NotificationType, notificationTypes } from '../core/notification.ts';
import { Secret } from '../core/secret.ts';

const path = z.string().min(1, 'must be a path');

/** Whether a URL is one that notifications may go to: https, or http on this machine, with no user in it and no
 *  fragment. A query is part of how workflow products know their callers. */
export function isReceiverUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLocal(url.hostname));
}

function isLocal(hostname: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** What is wrong with the URL of a receiver that is refused. */
const receiverUrlDemand = 'must be an https URL (http on localhost alone), without a user and fragment';

const portalUrl = z
  .string({ error: 'must be a URL with {operationId}' })
  .refine((value) => value.includes('{operationId}'), 'must have {operationId} where the id belongs')
  .refine((value) => isReceiverUrl(value.replaceAll('{operationId}', 'id')), receiverUrlDemand);

const webhook = z
  .strictObject({
    url: z
      .string({ error: 'must be a URL' })
      .trim()
      .refine(isReceiverUrl, receiverUrlDemand)
      .transform((value) => new Secret(value))
      .nullish(),
    urlFile: path.nullish(),
    secretFile: path.nullish(),
    format: z
      .enum(['cloudevents', 'adaptive-card'], { error: 'must be one of cloudevents, adaptive-card' })
      .default('cloudevents'),
    events: z
      .array(z.enum(notificationTypes as [NotificationType, ...NotificationType[]], { error: unknownType }), {
        error: 'must be a list of types, or null for all',
      })
      .min(1, 'must name at least one, or be null for all')
      .nullish(),
    tenants: z
      .array(z.guid('must be a list of tenant ids').toLowerCase(), {
        error: 'must be a list of tenant ids, or null for all',
      })
      .min(1, 'must name at least one, or be null for all')
      .nullish(),
  })
  .transform(({ url = null, urlFile = null, secretFile = null, events, tenants, format }, context) => {
    const wrong = (key: string, message: string) => {
      context.addIssue({ code: 'custom', path: [key], message });
      return z.NEVER;
    };
    const address = sourceOf(url, urlFile);
    if (address === null) return wrong('url', 'or urlFile is required, and not both');
    // Workflow products check no signature: anyone who knows the URL may call it.
    if (secretFile === null && format === 'cloudevents') return wrong('secretFile', 'is required');
    return { address, secretFile, format, types: events ?? null, tenants: tenants ?? null };
  });

function unknownType() {
  return 'must be types from docs/notifications.md, such as chromeos-connector-bff.operation.awaiting_approval';
}

function sourceOf(url: Secret | null, file: string | null) {
  if (url !== null && file === null) return { value: url };
  return file !== null && url === null ? { file } : null;
}

/** Who gets notifications of what, and how they find it in a portal. */
export const notifications = z.strictObject({
  portalUrl: portalUrl.nullable(),
  webhooks: z.array(webhook, { error: 'must be a list' }),
});
