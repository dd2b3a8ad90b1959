import type { AuditEvent } from '../../core/audit/audit-event.ts';
import type { AuditTrail } from '../../core/ports.ts';

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

/** A queue of at most `size` events; what does not fit is dropped and told to `onDropped`. */
export function createSignInQueue(
  audit: AuditTrail,
  size: number,
  onDropped: (reason: 'full' | 'not_written') => void,
): SignInQueue {
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

  return {
    offer(event) {
      if (waiting.length >= size) return onDropped('full');
      waiting.push(event);
      writeNext();
    },
    async drain() {
      while (writing.size > 0) await Promise.all(writing);
    },
  };
}
