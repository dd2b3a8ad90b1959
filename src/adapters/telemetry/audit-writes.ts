import type { AuditEvent } from '../../core/audit/audit-event.ts';
import type { Clock } from '../../core/ports.ts';
import type { Metrics } from './metrics.ts';

// A failure counts against us until a write succeeds, but not for ever: where nobody calls, none will.
const rememberMs = 5 * 60_000;

/** Counts audit writes, knows whether they fail of late, and hands on what became durable. */
export type AuditWrites = {
  written(event: AuditEvent): void;
  failed(event: AuditEvent): void;
  /** Whether the last write, of the last five minutes, failed. */
  failing(): boolean;
};

export function createAuditWrites(
  metrics: Metrics,
  clock: Clock,
  onWritten: (event: AuditEvent) => void,
): AuditWrites {
  let failedAt = Number.NEGATIVE_INFINITY;
  return {
    written(event) {
      metrics.auditWrites.inc({ event: event.event, result: 'written' });
      onWritten(event);
      failedAt = Number.NEGATIVE_INFINITY;
    },
    failed(event) {
      metrics.auditWrites.inc({ event: event.event, result: 'failed' });
      failedAt = clock();
    },
    failing: () => clock() - failedAt < rememberMs,
  };
}
