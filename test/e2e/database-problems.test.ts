import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, test } from 'node:test';
import type pg from 'pg';
import { until } from '../support/processes.ts';
import { emptyScene, operationsPath } from '../support/scene.ts';
import { metricIn } from '../support/service.ts';

type Check = { name: string; status: string; problem?: string; warning?: string };

describe('what is wrong with the database is told in words', () => {
  const role = `words_${randomUUID().replaceAll('-', '')}`;
  let superuser: pg.Client;
  after(() => superuser?.query(`drop role if exists ${role}`));
  const it = emptyScene({
    environment: async ({ database, connectAsSuperuser }) => {
      const own = new URL(database.url);
      superuser = await connectAsSuperuser();
      await superuser.query(`create role ${role} login password 'right' in role ${own.username}`);
      own.username = role;
      own.password = 'right';
      return { DATABASE_URL: own.href };
    },
    adjust: (settings) => ({ ...settings, database: { ...settings.database, vitalSignsMs: 50 } }),
  });

  const start = () => it.start({ unready: true });
  const endSessions = () =>
    superuser.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role]);

  test('in readiness and in the log: once, again when it changes, and when it is over', async () => {
    await superuser.query(`alter role ${role} password 'another'`);
    const service = await start();
    const told = () =>
      service.log
        .filter(({ msg }) => /^the database can(not)? be used/.test(msg))
        .map(({ problem }) => problem ?? 'over');
    const check = async (): Promise<Check> =>
      (await service.management.get('/readyz')).body.checks?.find(({ name }: Check) => name === 'database');
    const password = 'refuses us: the role or its password is not accepted (SQLSTATE 28P01)';
    await until('readiness says so', async () => (await check())?.problem === password);
    await until('the log says so', () => told().includes(password));

    await superuser.query(`alter role ${role} password 'right' connection limit 0`);
    await endSessions();
    const full = 'refuses us: it has no connection left (SQLSTATE 53300)';
    await until('the other problem is told', async () => (await check())?.problem === full);
    await until('in the log too', () => told().includes(full));

    await superuser.query(`alter role ${role} connection limit -1`);
    await service.ready();
    await until('it is over', () => told().includes('over'));
    assert.deepEqual(told(), [password, full, 'over']);
  });

  test('also where the probes have a connection and calls get none', async () => {
    const service = await start();
    const warning = async () =>
      (await service.management.get('/readyz?verbose')).body.checks.find(
        ({ name }: Check) => name === 'database connections',
      );
    const read = () => it.readConnection({ as: 'reader' });
    try {
      await service.ready();
      assert.equal((await warning()).status, 'ok');
      await superuser.query(`alter role ${role} connection limit 0`);
      // Of its two sessions the one that is not the probes'.
      await superuser.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where usename = $1 and query not like '%kysely_migration%' and query not like '%pg_stat_activity%'
           and query not like '%clock_timestamp%'`,
        [role],
      );
      const words = 'no new connection: PostgreSQL refuses us: it has no connection left (SQLSTATE 53300)';
      await until('calls are refused for it', async () => {
        const { status, body } = await read();
        return status === 503 && body.code === 'audit_unavailable';
      });
      await until('readiness warns', async () => (await warning()).warning === words);
      await service.management.get('/readyz').expect(200);
      await read();
      const lines = () => service.log.filter(({ msg }) => msg.startsWith('calls get '));
      assert.equal(lines().length, 1, 'once');

      await superuser.query(`alter role ${role} connection limit -1`);
      await until('calls go through', async () => (await read()).status === 200);
      assert.equal((await warning()).status, 'ok');
      assert.deepEqual(
        lines().map(({ level }) => level),
        ['warn', 'info'],
      );
    } finally {
      await superuser.query(`alter role ${role} connection limit -1`);
    }
  });

  test('a pool whose connections all wait for locks is no database that is down', async () => {
    const service = await start();
    const holder = await it.testEnvironment.connect();
    await service.ready();
    await holder.query('begin');
    await holder.query('lock table operations in access exclusive mode');
    const token = await it.simulator.token('reader');
    let over = false;
    const callers = Array.from({ length: 30 }, async () => {
      while (!over) await it.get(operationsPath, { token });
    });
    try {
      let seen = '';
      const gauge = (name: string, labels: Record<string, string> = {}) =>
        metricIn(seen, `chromeos_bff_${name}`, labels);
      await until('calls wait for a connection, and statements for a lock', async () => {
        seen = (await service.management.get('/metrics')).text;
        return (
          gauge('database_pool_connections', { state: 'waiting' }) > 0 &&
          gauge('database_statements_waiting') > 0
        );
      });
      assert.equal(gauge('database_up'), 1);
      assert.equal(gauge('ready'), 1);
    } finally {
      over = true;
      await holder.end();
      await Promise.all(callers);
    }
  });
});
