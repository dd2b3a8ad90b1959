import { randomUUID } from 'node:crypto';
import type { Database } from '../adapters/database/database.ts';
import { createEventCommits } from '../adapters/database/event-commits.ts';
import type { KnownHistory } from '../adapters/database/known-history.ts';
import type { NotificationQueue } from '../adapters/database/notification-queue.ts';
import { createPostgresAuditTrail } from '../adapters/database/postgres-audit-trail.ts';
import { createSignInQueue } from '../adapters/database/sign-in-queue.ts';
import type { AuditWrites } from '../adapters/telemetry/audit-writes.ts';
import type { Logs } from '../adapters/telemetry/logger.ts';
import { measureAuditTrail, measureReads } from '../adapters/telemetry/measured-ports.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { traceAuditTrail, traceReads } from '../adapters/telemetry/traced-ports.ts';
import type { Settings } from '../settings/settings.ts';
import type { AuditKeys } from './audit-keys.ts';
import { composeCheckpoints } from './compose-checkpoints.ts';
import type { Traced } from './traced.ts';

type Given = {
  readonly settings: Settings;
  readonly keys: AuditKeys;
  readonly database: Database;
  readonly history: KnownHistory;
  readonly queue: NotificationQueue;
  readonly metrics: Metrics;
  readonly writes: AuditWrites;
  readonly logs: Logs;
  readonly traced: Traced;
};

/** The part of the wiring that is about the audit trail: writing and reading it, its checkpoints, and the sign-ins that
 *  were rejected. */
export function composeAudit(given: Given) {
  const { settings, keys, database, history, queue, metrics, writes, logs, traced } = given;
  const checkpoints = composeCheckpoints({ settings: settings.audit, keys, database, queue, metrics, logs });
  const commits = createEventCommits({ database, history, connections: settings.database.poolSize });
  const trail = createPostgresAuditTrail(database, commits, {
    verifiers: keys.verifiers,
    lateMs: settings.audit.lateMs,
    contradicts: checkpoints.contradicts,
  });
  const audit = traced(measureAuditTrail(trail, metrics, writes), traceAuditTrail);
  const signIns = createSignInQueue(audit, {
    size: settings.audit.rejectedSignIns,
    limits: settings.audit.rejectedSignInsPerMinute,
    newId: randomUUID,
    onDropped: (reason) => metrics.auditRejectedSignInsDropped.inc({ reason }),
  });

  return {
    audit,
    reads: traced(measureReads(commits, metrics, writes), traceReads),
    rejectedSignIn: signIns.offer,
    checks: checkpoints.checks,
    start: checkpoints.start,
    /** The last checkpoint covers what was still to be recorded. */
    close: async () => {
      await checkpoints.stop();
      await signIns.drain();
      await checkpoints.make();
    },
  };
}
