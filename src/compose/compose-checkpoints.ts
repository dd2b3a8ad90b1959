import type { Logger } from 'pino';
import { Checkpointer, type Contradiction, contradictionReasons } from '../adapters/database/checkpoints.ts';
import type { Database } from '../adapters/database/database.ts';
import type { NotificationQueue } from '../adapters/database/notification-queue.ts';
import type { Logs } from '../adapters/telemetry/logger.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import type { SignedStatement } from '../audit-verification/format/statement.ts';
import type { Check } from '../http/management-app.ts';
import type { Settings } from '../settings/settings.ts';
import { type AuditKeys, signatureCheck } from './audit-keys.ts';
import { repeat } from './background.ts';

type Given = {
  readonly settings: Settings['audit'];
  readonly keys: AuditKeys;
  readonly database: Database;
  readonly queue: Pick<NotificationQueue, 'reportContradiction'>;
  readonly metrics: Metrics;
  readonly logs: Logs;
};

/** The part of the wiring that makes the trail provable: signed checkpoints at the start, regularly and at
 *  a clean stop, in the database and on stdout. */
export function composeCheckpoints({ settings, keys, database, queue, metrics, logs }: Given) {
  const { log } = logs;
  metrics.auditSigned.set(keys.signer === null ? 0 : 1);

  const checkpointer = new Checkpointer({
    database,
    get signer() {
      return keys.signer;
    },
    verifiers: keys.verifiers,
    clock: Date.now,
    lateMs: settings.lateMs,
    onCheckpoint: (signed) => publish(signed, metrics, logs),
  });
  let contradictions: readonly Contradiction[] = [];
  showContradictions([], contradictions, metrics, log);
  async function make(): Promise<void> {
    try {
      const found = await checkpointer.makeAll();
      showContradictions(contradictions, found, metrics, log);
      contradictions = found;
    } catch (error) {
      metrics.auditCheckpointFailures.inc();
      log.warn({ error }, 'the audit chains could not be checkpointed');
    }
  }
  async function makeAndNotify(): Promise<void> {
    await make();
    await notifyOf(contradictions, queue, log);
  }
  const making = repeat(settings.checkpointMs, makeAndNotify, log);

  return {
    /** Whether the chain is known to contradict what was signed. */
    contradicts: (chain: string) => contradictions.some((one) => one.chain === chain),
    checks: (): Check[] => [signatureCheck(keys), trailCheck(contradictions)],
    start: making.start,
    stop: making.stop,
    make,
  };
}

// Out of our reach once a log platform has it: someone who cuts off the database's tail cannot cut this.
function publish({ statement, text, signature }: SignedStatement, metrics: Metrics, logs: Logs): void {
  metrics.auditCheckpoint.set(Date.parse(statement.time) / 1000);
  logs.checkpoint({ statement: text, signature: signature?.toString('base64') ?? null });
}

/** Logs each contradiction once, and counts them all. */
function showContradictions(
  known: readonly Contradiction[],
  found: readonly Contradiction[],
  metrics: Metrics,
  log: Logger,
): void {
  for (const { chain, reason, message } of found) {
    if (known.some((one) => one.chain === chain && one.message === message)) continue;
    log.error(
      { chain, reason, problem: message },
      'an audit chain contradicts what was signed: it is not signed',
    );
  }
  for (const reason of contradictionReasons) {
    metrics.auditContradicted.set({ reason }, found.filter((one) => one.reason === reason).length);
  }
}

async function notifyOf(
  contradictions: readonly Contradiction[],
  queue: Given['queue'],
  log: Logger,
): Promise<void> {
  try {
    for (const one of contradictions) await queue.reportContradiction(one);
  } catch (error) {
    log.warn({ error }, 'receivers could not be notified that an audit chain contradicts what was signed');
  }
}

function trailCheck(contradictions: readonly Contradiction[]): Check {
  const name = 'audit trail';
  if (contradictions.length === 0) return { name };
  return {
    name,
    warning: contradictions.map(({ chain, message }) => `${chain} is not signed: ${message}`).join('; '),
  };
}
