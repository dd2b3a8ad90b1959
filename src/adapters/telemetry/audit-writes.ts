import type { AuditEvent } from '../../core/audit/audit-event.ts';
import type { Clock } from '../../core/ports.ts';
import type { Metrics } from './metrics.ts';

// A failure counts until a write succeeds, but not for ever: without calls there are no writes.
const rememberMs = 5 * 60_000;

/** Counts audit writes, knows whether they have failed recently, and passes on what became durable. Each kind of event
 *  is judged by itself: attempts may fail while reads, which are many, are recorded well. */
export type AuditWrites = {
  written(event: AuditEvent): void;
  failed(event: AuditEvent): void;
  /** Whether the last write of any kind of event failed, in the last five minutes. */
  failing(): boolean;
};

export function createAuditWrites(
  metrics: Metrics,
  clock: Clock,
  onWritten: (event: AuditEvent) => void,
): AuditWrites {
  const failedAt = new Map<AuditEvent['event'], number>();
  return {
    written(event) {
      metrics.auditWrites.inc({ event: event.event, result: 'written' });
      onWritten(event);
      if (failedAt.size > 0) failedAt.delete(event.event);
    },
    failed(event) {
      metrics.auditWrites.inc({ event: event.event, result: 'failed' });
      failedAt.set(event.event, clock());
    },
    failing: () => [...failedAt.values()].some((at) => clock() - at < rememberMs),
  };
}
