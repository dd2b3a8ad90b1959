import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { createDatabase } from '../../../src/adapters/database/database.ts';
import { createEventCommits, type EventCommits } from '../../../src/adapters/database/event-commits.ts';
import { KnownHistory } from '../../../src/adapters/database/known-history.ts';
import { createPool, type Pool } from '../../../src/adapters/database/pool.ts';
import { Secret } from '../../../src/core/secret.ts';
import { type AuditScene, sampleEvent, startAuditScene } from '../../support/audit.ts';
import { until } from '../../support/processes.ts';

const tenants = Array.from({ length: 20 }, (_, index) => `tenant-${index}`);
const [locked = '', ...others] = tenants;
const size = 4;

describe('a chain whose head somebody has locked', () => {
  let scene: AuditScene;
  let pool: Pool;
  let commits: EventCommits;
  let blocker: pg.Client;
  before(async () => {
    scene = await startAuditScene();
    pool = createPool({
      url: new Secret(scene.database.url),
      size,
      connectTimeoutMs: 5000,
      patienceMs: 2000,
      onError: () => {},
    });
    const database = createDatabase(pool, 2000);
    commits = createEventCommits({ database, history: new KnownHistory(() => {}), connections: size });
    await Promise.all(tenants.map((tenant) => commits.append(sampleEvent(tenant))));
    blocker = new pg.Client({ connectionString: scene.database.adminUrl });
    await blocker.connect();
  });
  after(async () => {
    await blocker?.end();
    await pool?.end();
    await scene?.close();
  });

  const backends = async () => {
    const { rows } = await scene.superuser.query<{ count: number }>(
      `select count(*)::int from pg_stat_activity
       where application_name = 'chromeos-connector-bff' and usename = 'chromeos_bff' and datname = current_database()`,
    );
    return rows[0]?.count ?? 0;
  };

  test('holds up nobody else, and no more connections than its own', async () => {
    await blocker.query('begin');
    await blocker.query('select from audit_chains where chain = $1 for update', [locked]);
    const stuck: Promise<unknown>[] = [];
    let refused = 0;
    const from = performance.now();
    // Longer than anybody waits, so that some have given up.
    while (performance.now() - from < 4500) {
      stuck.push(commits.append(sampleEvent(locked)).catch(() => (refused += 1)));
      await Promise.all(others.map((tenant) => commits.append(sampleEvent(tenant))));
      // It opens no other connection to watch, and the pool's are its own.
      assert.ok((await backends()) <= size + 2);
    }
    assert.ok(refused > 0, 'who waits for the locked head is told that it was not recorded');
    await blocker.query('rollback');
    // An append that is not recorded within 2 s fails.
    await commits.append(sampleEvent(locked));
    await Promise.all(stuck);
    await until('nobody waits for a lock', async () => {
      const { rows } = await scene.superuser.query('select from pg_locks where not granted');
      return rows.length === 0;
    });
  });

  test('is let go of by a session that opens a transaction and vanishes', async () => {
    const session = pool.withClient(20_000, async (client) => {
      await client.query('begin');
      await client.query('select record_audit_events($1, 1000)', [JSON.stringify([sampleEvent(locked)])]);
      // It says nothing any more: PostgreSQL ends it, and with it the lock.
      await new Promise((_resolve, reject) => client.on('error', reject));
    });
    await Promise.all([
      assert.rejects(session, /idle-in-transaction|terminat/),
      commits.append(sampleEvent(locked)).catch(() => {}),
    ]);
    await commits.append(sampleEvent(locked));
  });

  test('what is given up is cancelled', async () => {
    const late = pool.withClient(300, (client) => client.query('select pg_sleep(60)'));
    await assert.rejects(late, /did not answer within 300 ms/);
    await until('nothing of it runs any more', async () => {
      const { rows } = await scene.superuser.query(
        "select from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'",
      );
      return rows.length === 0;
    });
  });
});
