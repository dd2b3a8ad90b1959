import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { BenchDatabase } from '../database.ts';
import { type Answered, callSteadily, percentile } from '../load/steadily.ts';
import type { BenchService } from '../service.ts';
import { tenantNumber } from '../tokens.ts';

const tenants = 20;
const perSecond = 100;
// How long it goes on after the lock has ended, so that calls that still fail are seen.
const afterwardsMs = 5000;
const path = '/api/v1/deviceManagement/chromeOSOnboardingSettings';

/** The tenant whose chain is locked. */
const lockedTenant = tenantNumber(0);
export const lockTenants: readonly string[] = Array.from({ length: tenants }, (_, index) =>
  tenantNumber(index),
);

/** What was seen while one tenant's chain was locked. */
export type LockMeasured = {
  readonly calls: number;
  /** The most connections that the service had to PostgreSQL at once. */
  readonly backends: number;
  readonly others: { readonly calls: number; readonly refused: number; readonly p99: number };
  readonly locked: { readonly calls: number; readonly refused: number };
  /** When the locked tenant's last refusal came, in milliseconds after the lock's end; 0 where none came later. */
  readonly recovery: number;
};

type Tagged = Answered & { readonly tenant: string };

/** Calls twenty tenants steadily while `lock` keeps the chain of one of them. `lock` gives when it was let go of, by
 *  `performance.now`. Every so many rounds a tenant disconnects (0: never), which locks more than a read does. */
export async function measureLock(
  bench: Bench,
  database: BenchDatabase,
  service: BenchService,
  { lock, disconnectEvery }: { lock: () => Promise<number>; disconnectEvery: number },
): Promise<LockMeasured> {
  const tokens = (await readFile(await bench.tenantTokens(), 'latin1')).trim().split('\n').slice(0, tenants);
  const call = async (number: number): Promise<number> => {
    const token = tokens[number % tenants] ?? '';
    const disconnects = disconnectEvery > 0 && Math.floor(number / tenants) % disconnectEvery === 0;
    const response = await fetch(
      `http://127.0.0.1:${service.port}${path}${disconnects ? '/disconnect' : ''}`,
      { method: disconnects ? 'POST' : 'GET', headers: { authorization: `Bearer ${token}` } },
    );
    await response.arrayBuffer();
    return response.status;
  };
  // Everybody once, so that nobody's first exchange is measured.
  for (let number = 0; number < tenants; number += 1) await call(tenants + number);

  const admin = await database.connect();
  const peak = watchBackends(admin);
  const tagged: Tagged[] = [];
  const load = callSteadily(perSecond, async (number) => {
    const begun = performance.now();
    const status = await call(number).catch(() => 0);
    tagged.push({ begun, ended: performance.now(), status, tenant: lockTenants[number % tenants] ?? '' });
    return status;
  });
  const endedAt = await lock();
  await sleep(afterwardsMs);
  await load.stop();
  const backends = await peak.stop();
  await admin.end();
  return { calls: tagged.length, backends, ...figuresOf(tagged, endedAt) };
}

function figuresOf(answers: readonly Tagged[], endedAt: number) {
  // That an earlier disconnect holds the tenant's slot is an answer like any other.
  const refused = ({ status }: Answered) => status !== 200 && status !== 409;
  const others = answers.filter(({ tenant }) => tenant !== lockedTenant);
  const locked = answers.filter(({ tenant }) => tenant === lockedTenant);
  const last = Math.max(endedAt, ...locked.filter(refused).map(({ ended }) => ended));
  return {
    others: {
      calls: others.length,
      refused: others.filter(refused).length,
      p99: percentile(others, 0.99),
    },
    locked: { calls: locked.length, refused: locked.filter(refused).length },
    recovery: last - endedAt,
  };
}

/** Locks the chain's head from a session that has nothing to do with the service, for so long. */
export async function lockHead(database: BenchDatabase, seconds: number): Promise<number> {
  const blocker = await database.connect();
  try {
    await takeHead(blocker);
    await sleep(seconds * 1000);
    await blocker.query('rollback');
    return performance.now();
  } finally {
    await blocker.end();
  }
}

/** Freezes a replica at the worst moment: its operation is open, the chain's head is its own, and its `commit` never
 *  comes. Returns when it said its last word. */
export async function freezeWithHead(
  bench: Bench,
  database: BenchDatabase,
  replica: BenchService,
): Promise<number> {
  const blocker = await database.connect();
  const [token = ''] = (await readFile(await bench.tenantTokens(), 'latin1')).split('\n', 1);
  try {
    await blocker.query("update operations set status = 'completed' where status in ('accepted', 'unknown')");
    await takeHead(blocker);
    // What becomes of it nobody waits for.
    fetch(`http://127.0.0.1:${replica.port}${path}/disconnect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    }).catch(() => {});
    while ((await blocker.query(waitingOpening)).rows.length === 0) await sleep(5);
    replica.process.kill('SIGSTOP');
    const at = performance.now();
    await blocker.query('rollback');
    return at;
  } finally {
    await blocker.end();
  }
}

/** What the replica that is to vanish calls itself towards PostgreSQL. */
export const vanishing = 'vanishing';

const waitingOpening = `select from pg_locks join pg_stat_activity using (pid)
  where not granted and datname = current_database() and application_name = '${vanishing}'`;

type Client = Awaited<ReturnType<BenchDatabase['connect']>>;

async function takeHead(client: Client): Promise<void> {
  await client.query('begin');
  await client.query('select from audit_chains where chain = $1 for update', [lockedTenant]);
}

/** The most connections that the service's role has had. */
function watchBackends(client: Client) {
  let most = 0;
  let done = false;
  const loop = (async () => {
    while (!done) {
      const { rows } = await client.query<{ count: number }>(
        `select count(*)::int from pg_stat_activity where datname = current_database() and usename = 'chromeos_bff'`,
      );
      most = Math.max(most, rows[0]?.count ?? 0);
      await sleep(100);
    }
  })();
  return {
    async stop(): Promise<number> {
      done = true;
      await loop;
      return most;
    },
  };
}
