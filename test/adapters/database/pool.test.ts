import assert from 'node:assert/strict';
import net from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type pg from 'pg';
import { DatabaseTimeout, ReadOnlyServer } from '../../../src/adapters/database/connection-lost.ts';
import { createPool, type Pool, type PoolOptions } from '../../../src/adapters/database/pool.ts';
import { lockPatience, sessionLimits } from '../../../src/adapters/database/session.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import { Secret } from '../../../src/core/secret.ts';
import { superuserUrl } from '../../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../../support/postgres.ts';
import { runningTimers, until } from '../../support/processes.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

const ampleMs = 30_000;

// Failovers between real servers are in test/database.
describe('the pool of connections', () => {
  const pools: Pool[] = [];
  afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.end())));

  const start = (differing: Partial<PoolOptions> = {}) => {
    const heard = { errors: 0, reconnected: 0 };
    const connected: unknown[] = [];
    const pool = createPool({
      url: new Secret(superuserUrl(postgresAccess())),
      size: 2,
      connectTimeoutMs: ampleMs,
      patienceMs: ampleMs,
      onError: () => (heard.errors += 1),
      onReconnected: () => (heard.reconnected += 1),
      onConnected: (problem) => connected.push(problem),
      ...differing,
    });
    pools.push(pool);
    const query = async (text: string, timeoutMs = ampleMs) =>
      (await pool.withClient(timeoutMs, (client) => client.query(text))).rows[0];
    const pid = async (): Promise<number> => (await query('select pg_backend_pid() as pid')).pid;
    return { pool, heard, connected, query, pid };
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

  test('tells of each connection once, whether it could be made', async () => {
    const it = start();
    await two(it);
    assert.deepEqual(it.connected, [null, null]);
    const nowhere = start({ url: hosts(1) });
    await assert.rejects(nowhere.pid());
    assert.deepEqual(
      nowhere.connected.map((problem) => (problem as { code?: string }).code),
      ['ECONNREFUSED'],
    );
  });

  test('lets a connection break that somebody has and asks nothing of', async () => {
    const it = start();
    const other = start();
    await it.pool.withClient(ampleMs, async (client) => {
      const ended = new Promise((resolve) => client.once('end', resolve));
      const { pid } = (await client.query('select pg_backend_pid() as pid')).rows[0];
      await other.query(`select pg_terminate_backend(${pid})`);
      await ended;
    });
    await it.pid();
  });

  test('makes a connection anew every five minutes: a name may have moved', async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const { pid } = start();
    const first = await pid();
    // It is never idle for the ten seconds after which it would be closed.
    for (let seconds = 5; seconds < 300; seconds += 5) {
      mock.timers.tick(5000);
      assert.equal(await pid(), first);
    }
    mock.timers.tick(5000);
    assert.notEqual(await pid(), first);
  });

  test('keeps its connections alive, leaves no timer behind, and ends', async ({ mock }) => {
    const keptAlive = mock.method(net.Socket.prototype, 'setKeepAlive').mock;
    const { pool, pid } = start();
    await pid();
    assert.equal(keptAlive.calls[0]?.arguments[0], true);
    const before = runningTimers();
    await pid();
    assert.equal(runningTimers(), before);
    await pool.end();
    await assert.rejects(pid(), /after calling end/);
    pools.splice(0);
  });

  const tooLate = (timeoutMs: number) => (error: unknown) => {
    assert.ok(error instanceof DatabaseTimeout);
    assert.equal(error.message, `PostgreSQL did not answer within ${timeoutMs} ms`);
    return true;
  };

  test('uses a connection again whose statement came too late: it is cancelled, and rolled back', async () => {
    const it = start({ size: 1 });
    const first = await it.pid();
    const late = it.pool.withClient(300, async (client) => {
      await client.query('begin');
      await client.query('select pg_sleep(60)');
    });
    await assert.rejects(late, tooLate(300));
    assert.deepEqual(it.pool.counts(), { idle: 0, active: 1, waiting: 0 }, 'it is nobody’s until that ended');
    const { pid, begun } = await it.query('select pg_backend_pid() as pid, now() as begun');
    assert.equal(pid, first);
    assert.ok((await it.query('select now() as begun')).begun > begun, 'no transaction is open on it');
    assert.equal(it.heard.reconnected, 0);
  });

  test('reads an answer that came in time, though this process was held up longer', async () => {
    const it = start();
    await it.pid();
    const answer = it.pool.withClient(500, (client) => {
      setImmediate(() => {
        const from = performance.now();
        while (performance.now() - from < 1000);
      });
      return client.query('select pg_sleep(0.1)');
    });
    assert.equal((await answer).rowCount, 1);
  });

  describe('behind a wire that lets nothing through any more', () => {
    let proxy: TcpProxy;
    beforeEach(async () => {
      proxy = await startTcpProxy(postgresAccess().port);
    });
    afterEach(() => proxy.close());
    const through = (differing: Partial<PoolOptions>) => start({ url: hosts(proxy.port), ...differing });

    test('stays with a host that answers', async () => {
      const it = start({ url: hosts(postgresAccess().port, proxy.port) });
      const first = await it.pid();
      const another = await it.pool.withClient(ampleMs, () => it.pid());
      assert.notEqual(another, first);
      assert.equal(proxy.connections(), 0);
    });

    test('loses all connections where none says anything, and has nobody else wait on them', async () => {
      const it = through({ patienceMs: 2000 });
      const pids = await two(it);
      proxy.freeze();
      await assert.rejects(it.query('select 1', 1500), tooLate(1500));
      // Before it is certain: whoever comes now is not given the other one.
      const next = await it.pid();
      assert.ok(!pids.includes(next));
      assert.equal(it.heard.reconnected, 1);
    });

    test('loses the one that is silent alone while others are answered', async () => {
      const it = through({ patienceMs: 1000 });
      await it.pool.withClient(ampleMs, async (client) => {
        const answered: number[] = [];
        const silent = await it.pid();
        proxy.freeze(2);
        let asking = true;
        const ask = async () => {
          while (asking) answered.push((await client.query('select pg_backend_pid() as pid')).rows[0].pid);
        };
        const goingOn = ask();
        await assert.rejects(it.query('select 1', 1500), tooLate(1500));
        await until('it was given up', () => it.pool.counts().active === 1);
        asking = false;
        await goingOn;
        assert.notEqual(await it.pid(), silent);
      });
      assert.equal(it.heard.reconnected, 0, 'the other one is used as before');
      assert.equal(it.pool.counts().idle, 2);
    });

    test('makes two connections at a time and no more', async () => {
      const it = through({ size: 6 });
      const hold = Promise.withResolvers<'pass'>();
      proxy.onConnection(() => hold.promise);
      const all = Array.from({ length: 6 }, () => it.query('select pg_sleep(0.01)'));
      await until('two are being made', () => proxy.connections() >= 2);
      // It takes longer than the others would take to arrive.
      await start().pid();
      assert.equal(proxy.connections(), 2);
      hold.resolve('pass');
      await Promise.all(all);
    });

    test('goes on making connections after some that could not be made in time', async () => {
      const it = through({ size: 6, connectTimeoutMs: 500 });
      const hold = Promise.withResolvers<'pass'>();
      proxy.onConnection(() => hold.promise);
      const all = await Promise.allSettled(Array.from({ length: 6 }, () => it.pid()));
      assert.ok(all.every(({ status }) => status === 'rejected'));
      const causes = all.map((one) => one.status === 'rejected' && one.reason.cause?.message);
      assert.ok(causes.includes('too many connections are being made'), String(causes));
      assert.ok(proxy.connections() < 6, 'those whose turn came too late were not begun');
      proxy.onConnection(() => 'pass');
      await it.pid();
      hold.resolve('pass');
    });
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
    await assert.rejects(start({ url: new Secret(readOnly) }).pid(), (error) => {
      assert.ok(error instanceof ReadOnlyServer);
      assert.equal(error.because, 'setting');
      return true;
    });
  });

  test('sets each session its limits, a little shorter than our patience', async () => {
    const { pool } = start({ patienceMs: 20_000 });
    const shown = await pool.withClient(ampleMs, async (client: pg.PoolClient) => {
      const names = Object.keys(sessionLimits(1));
      const { rows } = await client.query(
        'select name, setting || coalesce(unit, $2) as value from pg_settings where name = any($1)',
        [names, ''],
      );
      assert.equal(
        (await client.query('show application_name')).rows[0].application_name,
        'chromeos-connector-bff',
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
