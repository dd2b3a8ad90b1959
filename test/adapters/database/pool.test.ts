import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type pg from 'pg';
import { DatabaseTimeout, ReadOnlyServer } from '../../../src/adapters/database/connection-lost.ts';
import { createPool, type Pool, type PoolOptions } from '../../../src/adapters/database/pool.ts';
import { lockPatience, sessionLimits } from '../../../src/adapters/database/session.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import { Secret } from '../../../src/core/secret.ts';
import { superuserUrl } from '../../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../../support/postgres.ts';
import { until } from '../../support/processes.ts';

const ampleMs = 30_000;

// Failovers between real servers are in test/database.
describe('the pool of connections', () => {
  const pools: Pool[] = [];
  afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.end())));

  const start = (differing: Partial<PoolOptions> = {}) => {
    const heard = { errors: 0, reconnected: 0 };
    const pool = createPool({
      url: new Secret(superuserUrl(postgresAccess())),
      size: 2,
      connectTimeoutMs: ampleMs,
      patienceMs: ampleMs,
      onError: () => (heard.errors += 1),
      onReconnected: () => (heard.reconnected += 1),
      ...differing,
    });
    pools.push(pool);
    const query = async (text: string, timeoutMs = ampleMs) =>
      (await pool.withClient(timeoutMs, (client) => client.query(text))).rows[0];
    const pid = async (): Promise<number> => (await query('select pg_backend_pid() as pid')).pid;
    return { pool, heard, query, pid };
  };
  const hosts = (...ports: number[]) => {
    const { port } = postgresAccess();
    const named = ports.map((one) => `127.0.0.1:${one}`).join(',');
    return new Secret(superuserUrl(postgresAccess()).replace(`127.0.0.1:${port}`, named));
  };

  /** Two idle connections; gives their processes. */
  async function two({ pool }: ReturnType<typeof start>): Promise<number[]> {
    const held = Promise.withResolvers<void>();
    const pids: number[] = [];
    const take = () =>
      pool.withClient(ampleMs, async (client) => {
        pids.push((await client.query('select pg_backend_pid() as pid')).rows[0].pid);
        if (pids.length === 2) held.resolve();
        await held.promise;
      });
    await Promise.all([take(), take()]);
    assert.deepEqual(pool.counts(), { idle: 2, active: 0, waiting: 0 });
    return pids;
  }

  test('keeps a connection after an answer, and after a refusal of PostgreSQL’s', async () => {
    const { pid, query, heard } = start();
    const first = await pid();
    await assert.rejects(query('select 1 / 0'), { code: '22012' });
    assert.equal(await pid(), first);
    assert.deepEqual(heard, { errors: 0, reconnected: 0 });
  });

  test('gives up a connection on which our own work failed, and that one alone', async () => {
    const it = start();
    const pids = await two(it);
    const refusal = new CallFailed({ reason: 'history_lost' });
    const failing = it.pool.withClient(ampleMs, async () => {
      throw refusal;
    });
    await assert.rejects(failing, (error) => error === refusal);
    assert.equal(it.pool.counts().idle, 1);
    assert.ok(pids.includes(await it.pid()));
    assert.equal(it.heard.reconnected, 0);
  });

  test('uses none that was made before one was lost, and tells once when they are made again', async () => {
    const it = start();
    const pids = await two(it);
    await assert.rejects(it.query('select pg_terminate_backend(pg_backend_pid())'), { code: '57P01' });
    const next = await two(it);
    assert.ok(!next.some((pid) => pids.includes(pid)), 'all are new');
    assert.deepEqual(it.heard, { errors: 0, reconnected: 1 });
  });

  test('hears of one that breaks while it is idle', async () => {
    const it = start();
    const pids = await two(it);
    const other = start();
    await other.query(`select pg_terminate_backend(${pids[0]})`);
    await until('it was told', () => it.heard.errors === 1);
    assert.ok(!pids.includes(await it.pid()), 'the other one leads to the same server');
    assert.equal(it.heard.reconnected, 1);
  });

  test('loses a server that is silent, and not one that only is slow with one thing', async ({ mock }) => {
    const it = start({ patienceMs: ampleMs });
    const pids = await two(it);
    const slow = () =>
      assert.rejects(it.query('select pg_sleep(60)', 300), (error) => {
        assert.ok(error instanceof DatabaseTimeout);
        assert.equal(error.message, 'PostgreSQL did not answer within 300 ms');
        return true;
      });
    await slow();
    assert.equal(it.heard.reconnected, 0);
    const left = await it.pid();
    assert.ok(pids.includes(left), 'others have had their answers meanwhile');

    // Half of the time that anybody waits has gone by without any answer.
    const now = performance.now();
    mock.method(performance, 'now', () => now + ampleMs / 2);
    await slow();
    mock.restoreAll();
    assert.ok(!pids.includes(await it.pid()));
    assert.equal(it.heard.reconnected, 1);
  });

  test('lets wait who comes too late, and gives up in their time', async () => {
    const { pool, pid } = start({ size: 1 });
    const held = Promise.withResolvers<void>();
    const first = pool.withClient(ampleMs, () => held.promise);
    await until('it has the one connection', () => pool.counts().active === 1 && pool.counts().idle === 0);
    await assert.rejects(
      pool.withClient(100, async () => assert.fail('it was not its turn')),
      DatabaseTimeout,
    );
    assert.equal(pool.counts().waiting, 1);
    held.resolve();
    await first;
    await pid();
    assert.deepEqual(pool.counts(), { idle: 1, active: 0, waiting: 0 }, 'what came too late went back');
  });

  test('asks each host once, in turn, and stays with the one that takes it', async () => {
    const { port } = postgresAccess();
    const it = start({ url: hosts(1, port) });
    const first = await it.pid();
    assert.equal(await it.pid(), first);
    await it.query('select pg_terminate_backend(pg_backend_pid())').catch(() => {});
    assert.notEqual(await it.pid(), first, 'and again after a loss');

    const nowhere = start({ url: hosts(1, 2) });
    await assert.rejects(nowhere.pid(), { code: 'ECONNREFUSED' });
    await assert.rejects(start({ url: hosts(1, 2, port) }).query('select nonsense'), { code: '42703' });
  });

  test('takes no for an answer: another host would not let us in either', async () => {
    const { port } = postgresAccess();
    const wrong = hosts(port, port)
      .reveal()
      .replace(/:[^:@]+@/, ':wrong@');
    await assert.rejects(start({ url: new Secret(wrong) }).pid(), { code: '28P01' });
  });

  test('turns away from a server that takes no writes', async () => {
    const { port } = postgresAccess();
    const readOnly = `${hosts(port).reveal()}?options=-c%20default_transaction_read_only%3Don`;
    await assert.rejects(start({ url: new Secret(readOnly) }).pid(), ReadOnlyServer);
  });

  test('sets each session its limits, a little shorter than our patience', async () => {
    const { pool } = start({ patienceMs: 20_000 });
    const shown = await pool.withClient(ampleMs, async (client: pg.PoolClient) => {
      const names = Object.keys(sessionLimits(1));
      const { rows } = await client.query(
        'select name, setting || coalesce(unit, $2) as value from pg_settings where name = any($1)',
        [names, ''],
      );
      return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
    });
    assert.deepEqual(shown, {
      statement_timeout: '18000ms',
      lock_timeout: '15000ms',
      idle_in_transaction_session_timeout: '18000ms',
      tcp_user_timeout: '20000ms',
      tcp_keepalives_idle: '5s',
      tcp_keepalives_interval: '2s',
      tcp_keepalives_count: '2',
    });
    assert.deepEqual(
      [lockPatience(1), sessionLimits(0.1).statement_timeout, sessionLimits(500).tcp_user_timeout],
      [1, '1ms', '1000ms'],
    );
  });
});
