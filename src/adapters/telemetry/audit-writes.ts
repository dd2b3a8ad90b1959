import type { AuditEvent } from '../../core/audit/audit-event.ts';
import type { Clock } from '../../core/ports.ts';
import type { Metrics } from './metrics.ts';

// A failure counts until a write succeeds, but not for ever: without calls there are no writes.
const rememberMs = 5 * 60_000;
// One may be an accident. It is forgotten before anybody is paged for it: ChromeosBffAuditNotWritable waits for three
// minutes.
const rememberAccidentMs = 90_000;
const noAccident = 3;

/** Counts audit writes, knows whether they have failed recently, and passes on what became durable. Each kind of event
 *  is judged by itself: attempts may fail while reads, which are many, are recorded well. */
export type AuditWrites = {
  written(event: AuditEvent): void;
  /** `tookMs`: how long it was tried, in milliseconds. */
  failed(event: AuditEvent, tookMs: number): void;
  /** Whether the last write of any kind of event failed: in the last 90 seconds, or in the last five minutes where three
   *  failed one after the other. */
  failing(): boolean;
};

/** Failures without a success between them. Those that were tried at the same time have one cause, and are one. */
type Failures = { readonly lastAt: number; readonly inARow: number };

export function createAuditWrites(
  metrics: Metrics,
  clock: Clock,
  onWritten: (event: AuditEvent) => void,
): AuditWrites {
  const failures = new Map<AuditEvent['event'], Failures>();
  return {
    written(event) {
      metrics.auditWrites.inc({ event: event.event, result: 'written' });
      onWritten(event);
      if (failures.size > 0) failures.delete(event.event);
    },
    failed(event, tookMs) {
      metrics.auditWrites.inc({ event: event.event, result: 'failed' });
      const { lastAt, inARow } = failures.get(event.event) ?? { lastAt: Number.NEGATIVE_INFINITY, inARow: 0 };
      const now = clock();
      failures.set(event.event, { lastAt: now, inARow: now - tookMs >= lastAt ? inARow + 1 : inARow });
    },
    failing: () =>
      [...failures.values()].some(
        ({ lastAt, inARow }) => clock() - lastAt < (inARow < noAccident ? rememberAccidentMs : rememberMs),
      ),
  };
}
