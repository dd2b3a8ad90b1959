import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { createDatabase, type Database } from '../../../src/adapters/database/database.ts';
import { createPool, type Pool } from '../../../src/adapters/database/pool.ts';
import { Secret } from '../../../src/core/secret.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startTestEnvironment,
  type TestEnvironment,
} from '../../support/service.ts';
import { adjusted } from '../../support/timings.ts';

/** What a role or a database may be given by whoever runs PostgreSQL, for reasons of their own. */
const settings: Record<string, string> = {
  default_transaction_isolation: 'serializable',
  search_path: 'elsewhere, public',
  statement_timeout: '5s',
  lock_timeout: '5s',
  idle_in_transaction_session_timeout: '5s',
  idle_session_timeout: '5s',
  datestyle: 'SQL, DMY',
  intervalstyle: 'sql_standard',
  timezone: 'Asia/Kolkata',
  bytea_output: 'escape',
  plan_cache_mode: 'force_custom_plan',
};

describe('whatever the service’s role is set to', () => {
  let testEnvironment: TestEnvironment;
  let pool: Pool;
  let database: Database;
  before(async () => {
    testEnvironment = await startTestEnvironment();
    const name = new URL(testEnvironment.database.url).pathname.slice(1);
    // What an unqualified name would find first.
    await testEnvironment.query('create schema elsewhere');
    await testEnvironment.query('create table elsewhere.operations (id text)');
    await testEnvironment.query('grant usage on schema elsewhere to chromeos_bff');
    const role = new pg.Client({ connectionString: testEnvironment.database.url });
    await role.connect();
    for (const [key, value] of Object.entries(settings)) {
      const given = key === 'search_path' ? value : `'${value}'`;
      await role.query(`alter role chromeos_bff in database ${name} set ${key} = ${given}`);
    }
    await role.end();
    pool = createPool({
      url: new Secret(testEnvironment.database.url),
      size: 2,
      connectTimeoutMs: 5000,
      patienceMs: 2000,
      onError: () => {},
    });
    database = createDatabase(pool, 2000);
  });
  after(async () => {
    await pool?.end();
    await testEnvironment?.close();
  });

  test('reads and disconnects go well, and times are told right', async () => {
    const service = await startService(testEnvironment, { adjust: adjusted({ graphTimeoutMs: 20_000 }) });
    try {
      const admin = bearer(await testEnvironment.simulator.token('admin'));
      await service.api.get(connectionPath).set('authorization', admin).expect(200);
      const before = Date.now();
      const { body } = await service.api.post(disconnectPath).set('authorization', admin).expect(200);
      const { body: operation } = await service.api
        .get(`/api/v1/operations/${body.operationId}`)
        .set('authorization', admin)
        .expect(200);
      const drift = Math.abs(Date.parse(operation.requestedAt) - before);
      assert.ok(drift < 3_600_000, `requested at ${operation.requestedAt}`);
    } finally {
      await service.close();
    }
  });

  test('our sessions have what we rest on', async () => {
    const rows = await database.query<{ name: string; setting: string }>(
      'select name, setting from pg_settings where name = any($1) order by name',
      [['default_transaction_isolation', 'idle_session_timeout', 'search_path', 'enable_seqscan', 'jit']],
    );
    assert.deepEqual(Object.fromEntries(rows.map(({ name, setting }) => [name, setting])), {
      default_transaction_isolation: 'read committed',
      enable_seqscan: 'off',
      idle_session_timeout: '0',
      jit: 'off',
      search_path: 'public, pg_temp',
    });
  });

  test('a statement that was prepared before a table changed is prepared again', async () => {
    await testEnvironment.query('create table public.changing (one int)');
    await testEnvironment.query('grant select on public.changing to chromeos_bff');
    const statement = { name: 'changing', text: 'select * from changing' };
    assert.deepEqual(await database.query(statement), []);
    await testEnvironment.query('alter table public.changing add two int');
    assert.deepEqual(await database.query(statement), []);
    await testEnvironment.query('drop table public.changing');
  });

  test('what PostgreSQL rolled back to let another go first is tried once more', async () => {
    for (const code of ['40001', '40P01']) {
      let tries = 0;
      const work = database.run(async (connection) => {
        tries += 1;
        if (tries === 1)
          await connection.query(`do $$ begin raise exception using errcode = '${code}'; end $$`);
        return tries;
      });
      assert.equal(await work, 2);
    }
  });
});
