import type { AuditEvent } from '../../core/audit/audit-event.ts';
import type { AuditTrail } from '../../core/ports.ts';
import { SignInLimit, type SignInLimits } from './sign-in-limit.ts';

/** Puts rejected sign-ins on record, as many as it can: strangers can send more of them than a database
 *  takes, and must not hold up those who may call. */
export type SignInQueue = {
  /** Never fails and never waits. */
  offer(event: AuditEvent): void;
  /** Resolves when all that was taken is written, or could not be. */
  drain(): Promise<void>;
};

// One at a time would be slow, all at once would crowd out the others.
const atOnce = 8;

export type SignInQueueOptions = {
  /** How many events may wait; what does not fit is dropped. */
  readonly size: number;
  readonly limits: SignInLimits;
  /** How long the limits' minute is, in milliseconds. */
  readonly minuteMs?: number;
  readonly newId: () => string;
  readonly onDropped: (reason: 'full' | 'not_written') => void;
};

/** A queue behind a limit. What is beyond the limit is recorded as one event a minute. */
export function createSignInQueue(
  audit: AuditTrail,
  { size, limits, minuteMs = 60_000, newId, onDropped }: SignInQueueOptions,
): SignInQueue {
  const limit = new SignInLimit(limits, newId);
  let minute: NodeJS.Timeout | undefined;
  const waiting: AuditEvent[] = [];
  const writing = new Set<Promise<unknown>>();

  const writeNext = (): void => {
    while (writing.size < atOnce) {
      const event = waiting.shift();
      if (event === undefined) return;
      const written: Promise<unknown> = audit
        .append(event)
        .catch(() => onDropped('not_written'))
        .finally(() => {
          writing.delete(written);
          writeNext();
        });
      writing.add(written);
    }
  };

  const enqueue = (event: AuditEvent): void => {
    if (waiting.length >= size) {
      onDropped('full');
      return;
    }
    waiting.push(event);
    writeNext();
  };

  const endMinute = (): void => {
    clearTimeout(minute);
    minute = undefined;
    const summary = limit.nextMinute();
    if (summary !== null) enqueue(summary);
  };

  return {
    offer(event) {
      minute ??= setTimeout(endMinute, minuteMs).unref();
      if (limit.takes(event)) enqueue(event);
    },
    async drain() {
      endMinute();
      while (writing.size > 0) await Promise.all(writing);
    },
  };
}
