import type { Logger } from 'pino';
import { createDatabase } from '../adapters/database/database.ts';
import { createPool } from '../adapters/database/pool.ts';
import { missingFromSchema } from '../adapters/database/schema-check.ts';
import { type Look, lookAtDatabase } from '../adapters/database/vital-signs.ts';
import { secretFrom } from '../adapters/files/followed-secret.ts';
import type { AuditWrites } from '../adapters/telemetry/audit-writes.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { showVitalSigns } from '../adapters/telemetry/vital-gauges.ts';
import type { Check } from '../http/management-app.ts';
import type { Settings } from '../settings/settings.ts';
import { keep, repeat } from './background.ts';

// What the database does not answer in this time counts as out of reach. Below the probe's own timeout.
const lookTimeoutMs = 2000;
// Probes can't make more of it than this: however many ask, the database is asked once.
const readinessKeptMs = 1000;

/** The part of the wiring that is about PostgreSQL: the pool, what is looked at in it, and what that says
 *  about readiness. */
export function composeDatabase(settings: Settings, metrics: Metrics, writes: AuditWrites, log: Logger) {
  const pool = createPool({
    url: secretFrom(settings.database.url, (problem) =>
      log.warn({ problem: `DATABASE_URL_FILE ${problem}` }, 'the file with the database URL is not usable'),
    ),
    size: settings.database.poolSize,
    connectTimeoutMs: settings.database.connectTimeoutMs,
    onError: (error) => log.warn({ error }, 'an idle database connection broke'),
    onUnusableUrl: (error) => log.warn({ error }, 'the database URL can not be used as it is now'),
  });

  let look: Look = { up: false, signs: null };
  const looking = repeat(settings.database.vitalSignsMs, async () => {
    look = await lookAtDatabase(pool, lookTimeoutMs);
    showVitalSigns(metrics, look);
  });
  const schema = keep(readinessKeptMs, () => checkSchema(() => missingFromSchema(pool, lookTimeoutMs)));

  return {
    database: createDatabase(pool, settings.audit.writeTimeoutMs),
    checks: async (): Promise<Check[]> => [await schema(), ...checkRole(look)],
    /** Sets the gauges that are only looked at when somebody asks. */
    showGauges: () => {
      const writable = look.signs?.mayWriteAudit === true && !writes.failing();
      metrics.auditWritable.set(writable ? 1 : 0);
      metrics.poolConnections.set({ state: 'idle' }, pool.idleCount);
      metrics.poolConnections.set({ state: 'active' }, pool.totalCount - pool.idleCount);
      metrics.poolConnections.set({ state: 'waiting' }, pool.waitingCount);
    },
    start: looking.start,
    close: async () => {
      await looking.stop();
      await pool.end();
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
  } catch {
    return { name, problem: 'can not be reached' };
  }
}

/** A role that may do too much is a danger to the record, not a reason to serve nobody. Nothing is said
 *  of it before it has been looked at. */
function checkRole({ signs }: Look): Check[] {
  if (signs === null) return [];
  const name = 'database role';
  return [
    signs.excessive.length === 0 ? { name } : { name, warning: `the role ${signs.excessive.join(', ')}` },
  ];
}
