import type { Logger } from 'pino';
import { clockOffsetMs } from '../adapters/database/clock-offset.ts';
import { createDatabase } from '../adapters/database/database.ts';
import { KnownHistory } from '../adapters/database/known-history.ts';
import { createPool } from '../adapters/database/pool.ts';
import { missingFromSchema } from '../adapters/database/schema-check.ts';
import { type DatabaseHealth, problemOf, readDatabaseHealth } from '../adapters/database/vital-signs.ts';
import { secretFrom } from '../adapters/files/followed-secret.ts';
import type { AuditWrites } from '../adapters/telemetry/audit-writes.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { showVitalSigns } from '../adapters/telemetry/vital-gauges.ts';
import type { Check } from '../http/management-app.ts';
import type { Settings } from '../settings/settings.ts';
import { keep, repeat } from './background.ts';

// Without an answer in this time the database counts as unreachable. Below the probe's own timeout.
const healthTimeoutMs = 2000;
// However many probes ask, the database is asked once in this time.
const readinessKeptMs = 1000;

/** The part of the wiring that is about PostgreSQL: the pool, the checks on the database, and what they mean
 *  for readiness. */
export function composeDatabase(settings: Settings, metrics: Metrics, writes: AuditWrites, log: Logger) {
  const history = new KnownHistory(({ chain, number, gone }) =>
    log.error(
      { tenantId: chain, lastKnownEvent: number, gone },
      'audit history was lost: events that were acknowledged are no longer in the database',
    ),
  );
  const connecting = {
    url: secretFrom(settings.database.url, (problem) =>
      log.warn({ problem: `DATABASE_URL_FILE ${problem}` }, 'the file with the database URL is not usable'),
    ),
    connectTimeoutMs: settings.database.connectTimeoutMs,
    patienceMs: settings.audit.writeTimeoutMs,
  };
  let connectProblem: string | null = null;
  const connectLog = logOfProblem(
    log,
    'calls get no new database connection',
    'calls get new database connections again',
  );
  const pool = createPool({
    ...connecting,
    size: settings.database.poolSize,
    onError: (error) => log.warn({ error }, 'an idle database connection broke'),
    onUnusableUrl: (error) => log.warn({ error }, 'the database URL cannot be used as it is now'),
    onConnected: (error) => {
      connectProblem = error === null ? null : problemOf(error);
      connectLog(connectProblem);
    },
    onReconnected: () => void checkHistory(),
  });
  const database = createDatabase(pool, settings.audit.writeTimeoutMs);

  /** Another server may lack what this process has seen: after each reconnection, and regularly. */
  async function checkHistory(): Promise<void> {
    try {
      await history.check(database);
    } catch (error) {
      log.warn({ error }, 'the audit history could not be compared with what is known of it');
    }
  }

  // A connection of their own: the checks must not queue behind the calls whose trouble they should show.
  const healthPool = createPool({ ...connecting, size: 1, onError: () => {} });

  let aheadMs: number | null = null;
  let health: DatabaseHealth = { up: false, signs: null, statementsWaiting: null, problem: null };
  const healthLog = logOfProblem(
    log,
    'the database cannot be used at the moment',
    'the database can be used again',
  );
  async function watch(): Promise<void> {
    health = await readDatabaseHealth(healthPool, healthTimeoutMs);
    showVitalSigns(metrics, health, settings.entra.allowedTenantIds);
    healthLog(health.problem);
    if (health.up) await checkHistory();
    aheadMs = await clockOffsetMs(healthPool, healthTimeoutMs, Date.now);
    if (aheadMs !== null) metrics.clockOffset.set(aheadMs / 1000);
  }
  const watching = repeat(settings.database.vitalSignsMs, watch, log);
  const schema = keep(readinessKeptMs, () =>
    checkSchema(() => missingFromSchema(healthPool, healthTimeoutMs)),
  );

  return {
    database,
    history,
    checks: async (): Promise<Check[]> => [
      await schema(),
      ...checkConnections(connectProblem),
      ...checkDurability(health),
      ...checkHistoryLost(health),
      ...checkRole(health),
      ...checkClock(aheadMs, settings.entra.clockSkewSeconds),
    ],
    /** Sets the gauges that are only read when Prometheus scrapes. */
    showGauges: () => {
      const writable = health.signs?.mayWriteAudit === true && !writes.failing();
      const { idle, active, waiting } = pool.counts();
      metrics.auditWritable.set(writable ? 1 : 0);
      metrics.poolConnections.set({ state: 'idle' }, idle);
      metrics.poolConnections.set({ state: 'active' }, active);
      metrics.poolConnections.set({ state: 'waiting' }, waiting);
    },
    start: watching.start,
    close: async () => {
      await watching.stop();
      await Promise.all([pool.end(), healthPool.end()]);
    },
  };
}

async function checkSchema(missing: () => Promise<string[]>): Promise<Check> {
  const name = 'database';
  try {
    const names = await missing();
    return names.length === 0
      ? { name }
      : { name, problem: `the schema lacks ${names.join(', ')}: run the migrations` };
  } catch (error) {
    return { name, problem: problemOf(error) };
  }
}

/** Calls continue on the connections that exist, and this pod is no worse than others: it is only shown. */
function checkConnections(problem: string | null): Check[] {
  const name = 'database connections';
  return [problem === null ? { name } : { name, warning: `no new connection: PostgreSQL ${problem}` }];
}

/** Without these a commit is not durable, so no call is served. Whether a failover may lose commits is for people to
 *  decide. */
function checkDurability({ signs }: DatabaseHealth): Check[] {
  if (signs === null) return [];
  const name = 'database durability';
  if (signs.switchedOff.length > 0) {
    return [{ name, problem: `${signs.switchedOff.join(' and ')} switched off: a crash loses commits` }];
  }
  const warning = 'synchronous_standby_names is empty: a failover may lose acknowledged commits';
  return [signs.synchronousReplication ? { name } : { name, warning }];
}

/** Reads continue, and other tenants' disconnects: this needs a person, not another pod. */
function checkHistoryLost({ signs }: DatabaseHealth): Check[] {
  if (signs === null) return [];
  const name = 'audit history';
  const warning = `${signs.lostChains.length} tenants have lost acknowledged events: disconnects are refused there`;
  return [signs.lostChains.length === 0 ? { name } : { name, warning }];
}

/** A role that may do too much endangers the record, but is no reason to stop serving. Nothing is reported
 *  before it has been checked. */
function checkRole({ signs }: DatabaseHealth): Check[] {
  if (signs === null) return [];
  const name = 'database role';
  return [
    signs.excessive.length === 0 ? { name } : { name, warning: `the role ${signs.excessive.join(', ')}` },
  ];
}

/** A clock that differs from the database's by more than tokens allow refuses good tokens, or takes expired ones.
 *  Nothing is reported before it has been compared. */
function checkClock(aheadMs: number | null, allowedSeconds: number): Check[] {
  if (aheadMs === null) return [];
  const name = 'clock';
  if (Math.abs(aheadMs) <= allowedSeconds * 1000) return [{ name }];
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const direction = aheadMs > 0 ? 'ahead of' : 'behind';
  return [{ name, problem: `is ${seconds} s ${direction} the database's: good tokens would be refused` }];
}

/** Logs a problem once, again when it changes, and when it is over. */
function logOfProblem(log: Logger, begun: string, over: string): (problem: string | null) => void {
  let reported: string | null = null;
  return (problem) => {
    if (problem === reported) return;
    reported = problem;
    if (problem === null) log.info(over);
    else log.warn({ problem }, begun);
  };
}
