import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { migrate } from '../../src/adapters/database/migrate.ts';
import { Secret } from '../../src/core/secret.ts';
import { until } from '../support/processes.ts';
import { hold } from '../support/scene.ts';
import {
  bearer,
  disconnectPath,
  startService,
  startTestEnvironment,
  type TestEnvironment,
} from '../support/service.ts';
import { adjusted } from '../support/timings.ts';
import { type DebianPostgres, startDebianPostgres } from './debian-postgres.ts';

describe('a commit that the record rests on', () => {
  let testEnvironment: TestEnvironment;
  before(async () => {
    testEnvironment = await startTestEnvironment();
  });
  after(() => testEnvironment?.close());

  type Setup = (postgres: DebianPostgres, database: string) => Promise<unknown>;
  const setups: [string, Record<string, string>, Setup][] = [
    ['the server', { synchronous_commit: 'off' }, async () => {}],
    [
      'the database',
      {},
      (postgres, database) => postgres.query(`alter database ${database} set synchronous_commit = off`),
    ],
    [
      'the service’s role',
      {},
      (postgres) => postgres.query('alter role chromeos_bff set synchronous_commit = off'),
    ],
  ];
  for (const [who, settings, prepare] of setups) {
    test(`outlives a crash though synchronous_commit is off for ${who}`, async () => {
      // What is not asked to be durable stays in memory for as long as PostgreSQL allows.
      const postgres = await startDebianPostgres({ settings: { ...settings, wal_writer_delay: '10s' } });
      const database = await postgres.createDatabase('durable');
      await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
      await prepare(postgres, 'durable');
      testEnvironment.simulator.reset();
      const service = await startService(testEnvironment, {
        environment: { DATABASE_URL: database.url },
        adjust: adjusted({ graphTimeoutMs: 20_000 }),
      });
      try {
        const graph = hold(testEnvironment.simulator, 'disconnect');
        const admin = bearer(await testEnvironment.simulator.token('admin'));
        const answer = service.api
          .post(disconnectPath)
          .set('authorization', admin)
          .then((response) => response);
        await graph.arrived();
        await postgres.stop('SIGQUIT');
        await postgres.start();
        graph.release();
        await answer;
        const attempts = await postgres.query("select from audit_events where event = 'attempt'", 'durable');
        assert.equal(attempts.length, 1);
        assert.equal((await postgres.query('select from operations', 'durable')).length, 1);
      } finally {
        await service.close();
        await postgres.remove();
      }
    });
  }

  test('is promised by nobody while fsync or full_page_writes is off', async () => {
    const postgres = await startDebianPostgres();
    const database = await postgres.createDatabase('promised');
    await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
    const service = await startService(testEnvironment, {
      environment: { DATABASE_URL: database.url },
      adjust: (settings) => ({ ...settings, database: { ...settings.database, vitalSignsMs: 100 } }),
    });
    try {
      const failing = async () => {
        const { status, body } = await service.management.get('/readyz');
        return { status, text: JSON.stringify(body) };
      };
      for (const name of ['fsync', 'full_page_writes']) {
        await postgres.query(`alter system set ${name} = off`);
        await postgres.query('select pg_reload_conf()');
        await until(`${name} is named`, async () => {
          const { status, text } = await failing();
          return status === 503 && text.includes(`${name} switched off`);
        });
        assert.equal(await service.metric('chromeos_bff_database_durable'), 0);
        await postgres.query(`alter system set ${name} = on`);
        await postgres.query('select pg_reload_conf()');
        await until('it is ready again', async () => (await failing()).status === 200);
      }
      assert.equal(await service.metric('chromeos_bff_database_synchronous_replication'), 0);
      const { body } = await service.management.get('/readyz?verbose');
      assert.match(JSON.stringify(body), /synchronous_standby_names is empty/);
    } finally {
      await service.close();
      await postgres.remove();
    }
  });
});
