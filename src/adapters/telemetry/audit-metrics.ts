import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { eventKinds } from '../../core/audit/audit-event.ts';
import { prefix } from './metric-prefix.ts';

/** Metrics of the audit trail: its writes and its checkpoints. */
export function createAuditMetrics(registers: Registry[]) {
  const metrics = {
    auditWrites: new Counter({
      name: `${prefix}audit_writes_total`,
      help: 'Audit events, by kind and by whether they became durable.',
      labelNames: ['event', 'result'] as const,
      registers,
    }),
    auditWriteDuration: new Histogram({
      name: `${prefix}audit_write_duration_seconds`,
      help: 'Time until an audit event is durable.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    auditRejectedSignInsDropped: new Counter({
      name: `${prefix}audit_rejected_sign_ins_dropped_total`,
      help: 'Rejected sign-ins that are not on record: the queue was full, or the write failed.',
      labelNames: ['reason'] as const,
      registers,
    }),
    auditSigned: new Gauge({
      name: `${prefix}audit_checkpoints_signed`,
      help: 'Whether checkpoints of the audit chains are signed: 1, or 0 where there is no key.',
      registers,
    }),
    auditCheckpoint: new Gauge({
      name: `${prefix}audit_checkpoint_timestamp_seconds`,
      help: 'When this process last made a checkpoint of an audit chain, as a Unix time; 0: not yet.',
      registers,
    }),
    auditContradicted: new Gauge({
      name: `${prefix}audit_contradicted`,
      help: 'Audit chains that are not signed, since they do not continue what was signed before, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    auditCheckpointFailures: new Counter({
      name: `${prefix}audit_checkpoint_failures_total`,
      help: 'Times the heads of the audit chains should have been checkpointed and could not be.',
      registers,
    }),
  };
  // A counter that begins to exist with its first event hides that event from rate() and increase().
  for (const event of eventKinds) {
    for (const result of ['written', 'failed']) metrics.auditWrites.inc({ event, result }, 0);
  }
  for (const reason of ['full', 'not_written']) metrics.auditRejectedSignInsDropped.inc({ reason }, 0);
  return metrics;
}
