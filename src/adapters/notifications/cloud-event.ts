import type { Message } from './message.ts';

/** As JSON in CloudEvents' structured mode (CloudEvents 1.0.2, JSON event format 1.0.2). `summary` and `link` are
 *  extension attributes, for products that read only the first level. */
export const cloudEventType = 'application/cloudevents+json; charset=utf-8';

export function cloudEventOf(message: Message): string {
  const { id, type, time, title, link, tenantId, operationId, ...data } = message;
  const source =
    tenantId === null ? '/chromeos-connector-bff' : `/chromeos-connector-bff/tenants/${tenantId}`;
  return JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type,
    ...(operationId === null ? {} : { subject: `operations/${operationId}` }),
    time,
    datacontenttype: 'application/json',
    summary: title,
    ...(link === null ? {} : { link }),
    data: { operationId, tenantId, ...data },
  });
}
