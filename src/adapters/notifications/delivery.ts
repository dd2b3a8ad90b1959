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
  /** Hears how each try went, and what has become of the notification (`null`: another replica has it by now). */
  readonly onTried: (tried: Tried) => void;
};

export type Tried = {
  readonly receiver: Receiver;
  readonly notification: ClaimedNotification;
  readonly went: Attempted['went'];
  /** Why it was not delivered, in words that are safe to log; `null` where it was. */
  readonly why: string | null;
  readonly state: DeliveryState | null;
};

/** So many requests at once to one receiver. */
const atOnce = 8;
/** How long, beyond its request, a claim is ours: as long as it takes to put down how it went. */
const marginMs = 15_000;
/** The longest pause between two tries is 2^9 s and half of that; what a receiver asks for is heeded up to an hour. */
const lastDoubling = 9;
const longestAskedMs = 3_600_000;

/** Tells one receiver what it is due to be told, until that is done or `stopping` says so. A receiver that does not
 *  answer has only its own deliveries wait. Fails with `audit_unavailable`. */
export async function deliverDue(options: DeliveryOptions, stopping: () => boolean): Promise<void> {
  const { queue, receiver, timeoutMs } = options;
  while (!stopping()) {
    const claimed = await queue.claim(receiver.subscription, atOnce, timeoutMs + marginMs);
    // One that could not be put down must not leave the others to themselves.
    const ended = await Promise.allSettled(claimed.map((notification) => deliver(options, notification)));
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
    if (claimed.length < atOnce) return;
  }
}

async function deliver(options: DeliveryOptions, notification: ClaimedNotification): Promise<void> {
  const { queue, receiver, onTried } = options;
  const { why, ...attempted } = await tell(options, notification);
  const state = await queue.record(receiver.subscription.receiver, notification, attempted);
  onTried({ receiver, notification, went: attempted.went, why, state });
}

type Told = Attempted & { readonly why: string | null };

/** One request. Redirects are not followed: the next address was named by nobody. */
async function tell(options: DeliveryOptions, notification: ClaimedNotification): Promise<Told> {
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
    return failed(options, notification, error instanceof RequestFailed ? error.code : 'UNKNOWN', null);
  }
}

function rendered({ receiver, message }: DeliveryOptions, notification: ClaimedNotification) {
  const told = messageOf(notification, message);
  switch (receiver.format) {
    case 'cloudevents':
      return { body: cloudEventOf(told), type: cloudEventType };
    case 'adaptive-card':
      return { body: adaptiveCardOf(told), type: adaptiveCardType };
  }
}

function failed(
  { random }: DeliveryOptions,
  { attempt }: ClaimedNotification,
  why: string,
  askedMs: number | null,
): Told {
  const ownMs = retryDelayMs(Math.min(attempt - 1, lastDoubling), null, random());
  return { went: 'failed', waitMs: Math.round(Math.max(ownMs, Math.min(askedMs ?? 0, longestAskedMs))), why };
}
