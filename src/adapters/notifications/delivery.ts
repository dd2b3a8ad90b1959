import type { Clock } from '../../core/ports.ts';
import { retryDelayMs } from '../../core/retry-delay.ts';
import type {
  Attempted,
  ClaimedNotification,
  DeliveryState,
  NotificationQueue,
} from '../database/notification-queue.ts';
import { type HttpClient, RequestFailed } from '../outbound/http-client.ts';
import { retryAfterMs } from '../outbound/retry-after.ts';
import { adaptiveCardOf, adaptiveCardType } from './adaptive-card.ts';
import { cloudEventOf, cloudEventType } from './cloud-event.ts';
import { type MessageOptions, messageOf } from './message.ts';
import type { Receiver } from './receiver.ts';
import { signedHeaders } from './webhook-secrets.ts';

export type DeliveryOptions = {
  readonly queue: NotificationQueue;
  readonly receiver: Receiver;
  readonly http: HttpClient;
  readonly message: MessageOptions;
  /** For one request, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Called after each try: how it went, and the state of the notification (`null`: another replica has it by now). */
  readonly onTried: (tried: Tried) => void;
};

export type Tried = {
  readonly receiver: Receiver;
  readonly notification: ClaimedNotification;
  readonly went: Attempted['went'];
  /** Why it was not delivered, safe to log; `null` where it was. */
  readonly why: string | null;
  readonly state: DeliveryState | null;
};

/** How many requests go to one receiver at once. */
const atOnce = 8;
/** How long a claim lasts beyond its request, in milliseconds: time to record how it went. */
const marginMs = 15_000;
/** The longest pause between two tries is 2^9 s and half of that; a receiver's `Retry-After` counts up to an hour. */
const lastDoubling = 9;
const longestAskedMs = 3_600_000;

/** Delivers what is due to one receiver, until there is no more or `stopping` says so. A receiver that does not answer
 *  delays only its own deliveries. Fails with `audit_unavailable`. */
export async function deliverDue(options: DeliveryOptions, stopping: () => boolean): Promise<void> {
  const { queue, receiver, timeoutMs } = options;
  while (!stopping()) {
    const claimed = await queue.claim(receiver.subscription, atOnce, timeoutMs + marginMs);
    // All have ended before one that could not be recorded stops the loop.
    const ended = await Promise.allSettled(claimed.map((notification) => deliver(options, notification)));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
    if (claimed.length < atOnce) return;
  }
}

async function deliver(options: DeliveryOptions, notification: ClaimedNotification): Promise<void> {
  const { queue, receiver, onTried } = options;
  const { why, ...attempted } = await send(options, notification);
  const state = await queue.record(receiver.subscription.receiver, notification, attempted);
  onTried({ receiver, notification, went: attempted.went, why, state });
}

type Sent = Attempted & { readonly why: string | null };

/** One request. Redirects are not followed: no operator named the next address. */
async function send(options: DeliveryOptions, notification: ClaimedNotification): Promise<Sent> {
  const { receiver, http, timeoutMs, clock } = options;
  const target = receiver.target();
  if (target === null) return failed(options, notification, 'its files are not usable', null);
  try {
    const { body, type } = rendered(options, notification);
    const { status, headers } = await http.send({
      method: 'POST',
      url: target.url.reveal(),
      headers: {
        'content-type': type,
        'user-agent': 'chromeos-connector-bff',
        ...signedHeaders(target.secrets, { id: notification.id, body, at: new Date(clock()) }),
      },
      body,
      timeoutMs,
      // A repetition has the same id.
      repeatable: true,
    });
    if (status >= 200 && status < 300) return { went: 'delivered', why: null };
    // Standard Webhooks: the receiver wants no more of it.
    if (status === 410) return { went: 'refused', why: 'HTTP 410' };
    return failed(options, notification, `HTTP ${status}`, retryAfterMs(headers['retry-after'], clock()));
  } catch (error) {
    // One that our own defect keeps from being sent is given up in the end, like any other.
    const why = error instanceof RequestFailed ? error.code : `a defect of this service: ${nameOf(error)}`;
    return failed(options, notification, why, null);
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'not an Error';
}

function rendered({ receiver, message }: DeliveryOptions, notification: ClaimedNotification) {
  const content = messageOf(notification, message);
  switch (receiver.format) {
    case 'cloudevents':
      return { body: cloudEventOf(content), type: cloudEventType };
    case 'adaptive-card':
      return { body: adaptiveCardOf(content), type: adaptiveCardType };
  }
}

function failed(
  { random }: DeliveryOptions,
  { attempt }: ClaimedNotification,
  why: string,
  askedMs: number | null,
): Sent {
  const ownMs = retryDelayMs(Math.min(attempt - 1, lastDoubling), null, random());
  return { went: 'failed', waitMs: Math.round(Math.max(ownMs, Math.min(askedMs ?? 0, longestAskedMs))), why };
}
