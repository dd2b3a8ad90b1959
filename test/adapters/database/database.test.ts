import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { DatabaseTimeout, ReadOnlyServer } from '../../../src/adapters/database/connection-lost.ts';
import { createDatabase } from '../../../src/adapters/database/database.ts';
import { createPool, type Pool } from '../../../src/adapters/database/pool.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import { Secret } from '../../../src/core/secret.ts';
import { superuserUrl } from '../../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../../support/postgres.ts';

const unavailable = (cause: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof CallFailed && error.failure.reason === 'audit_unavailable');
  if (typeof cause === 'string') assert.equal(error.failure.cause, cause);
  else assert.match(error.failure.cause ?? '', cause);
  return true;
};

describe('work on the database', () => {
  let pool: Pool;
  let idleErrors: number;
  before(() => {
    idleErrors = 0;
    pool = createPool({
      url: new Secret(superuserUrl(postgresAccess())),
      size: 2,
      connectTimeoutMs: 20_000,
      patienceMs: 20_000,
      onError: () => (idleErrors += 1),
    });
  });
  after(() => pool?.end());

  const database = () => createDatabase(pool, 20_000);
  const suicide = 'select pg_terminate_backend(pg_backend_pid())';

  test('is done once more, on another connection, where its connection breaks', async () => {
    const pids: number[] = [];
    const value = await database().run(async (connection) => {
      const { rows } = await connection.query<{ pid: number }>('select pg_backend_pid() as pid');
      pids.push(rows[0]?.pid ?? 0);
      if (pids.length === 1) await connection.query(suicide);
      return 'done';
    });
    assert.deepEqual([value, new Set(pids).size], ['done', 2]);
  });

  test('is not done a third time', async () => {
    let tries = 0;
    const breaking = database().run(async (connection) => {
      tries += 1;
      await connection.query(suicide);
    });
    await assert.rejects(breaking, unavailable(/57P01$/));
    assert.equal(tries, 2);
  });

  test('in a transaction is done again from its beginning, and committed once', async () => {
    let tries = 0;
    const ids = await database().transact(async (connection) => {
      tries += 1;
      await connection.query('create temp table written (id int) on commit drop');
      await connection.query('insert into written values ($1)', [tries]);
      if (tries === 1) await connection.query(suicide);
      return (await connection.query<{ id: number }>('select id from written')).rows;
    });
    assert.deepEqual([tries, ids], [2, [{ id: 2 }]]);
  });

  test('in a transaction that fails is rolled back, and its connection goes on', async () => {
    const one = createPool({
      url: new Secret(superuserUrl(postgresAccess())),
      size: 1,
      connectTimeoutMs: 20_000,
      patienceMs: 20_000,
      onError: () => {},
    });
    try {
      const alone = createDatabase(one, 20_000);
      await alone.query('create temp table kept (id int)');
      await alone.transact((connection) => connection.query('insert into kept values (1)'));
      const failing = alone.transact(async (connection) => {
        await connection.query('insert into kept values (2)');
        await connection.query('select 1 / 0');
      });
      await assert.rejects(failing, unavailable('error 22012'));
      // On the same connection: a temporary table is its session's.
      assert.deepEqual(await alone.query('select id from kept'), [{ id: 1 }]);
      await assert.rejects(
        alone.transact(async () => {
          throw new CallFailed({ reason: 'history_lost' });
        }),
        (error) => error instanceof CallFailed && error.failure.reason === 'history_lost',
      );
    } finally {
      await one.end();
    }
  });

  const failures: [string, unknown, number, string][] = [
    ['a broken connection', new Error('Connection terminated'), 2, 'Error Connection terminated'],
    ['a refused one', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 2, 'Error ECONNREFUSED'],
    [
      'a server that takes no writes',
      new ReadOnlyServer('recovery'),
      2,
      'ReadOnlyServer PostgreSQL takes no writes here (a standby, or a primary that was demoted)',
    ],
    [
      'time that has run out',
      new DatabaseTimeout(7),
      1,
      'DatabaseTimeout PostgreSQL did not answer within 7 ms',
    ],
    ['something that is no error', 'nonsense', 2, 'unknown'],
    ...(['57P01', '57P03', '08006', '25006'].map((code) => [
      code,
      postgresError(code),
      2,
      `error ${code}`,
    ]) as [string, unknown, number, string][]),
    ...(['23505', '25001', '55P03', '42501', '57014', '08'.padStart(5, '1'), ''].map((code) => [
      code,
      postgresError(code),
      1,
      `error ${code}`,
    ]) as [string, unknown, number, string][]),
  ];
  for (const [name, thrown, tries, cause] of failures) {
    test(`is tried ${tries === 1 ? 'once' : 'twice'} where it fails with ${name || 'no code'}`, async () => {
      const left: number[] = [];
      const failing: Pool = {
        ...pool,
        withClient: async (timeoutMs) => {
          left.push(timeoutMs);
          throw thrown;
        },
      };
      await assert.rejects(
        createDatabase(failing, 5000).run(async () => {}),
        (error) => {
          unavailable(cause)(error);
          assert.equal((error as Error).cause, thrown);
          return true;
        },
      );
      assert.equal(left.length, tries);
    });
  }

  test('that was refused by ourselves is not tried again, and says what it said', async () => {
    let tries = 0;
    const refusal = new CallFailed({ reason: 'history_lost' });
    const refused = database().run(async () => {
      tries += 1;
      throw refusal;
    });
    await assert.rejects(refused, (error) => error === refusal);
    assert.equal(tries, 1);
  });

  test('has for its second try what the first has left of the time', async ({ mock }) => {
    let now = 1000;
    mock.method(performance, 'now', () => now);
    const left: number[] = [];
    const failing: Pool = {
      ...pool,
      withClient: async (timeoutMs) => {
        left.push(timeoutMs);
        now += 300;
        throw new Error('Connection terminated');
      },
    };
    await assert.rejects(createDatabase(failing, 5000).run(async () => {}));
    assert.deepEqual(left, [5000, 4700]);
  });

  test('asks nothing more once its time is over: the connection may be another’s', async () => {
    const asked = Promise.withResolvers<unknown>();
    const late = createDatabase(pool, 300).run(async (connection) => {
      await connection.query('select pg_sleep(60)').catch(() => {});
      await connection.query('select 1').then(asked.resolve, asked.resolve);
    });
    await assert.rejects(late, unavailable(/did not answer within/));
    assert.deepEqual(await asked.promise, new DatabaseTimeout(300));
  });

  describe('that fails', () => {
    /** Fails so, after work was asked for or before. */
    const failing = (...failures: { asked: boolean; with: unknown }[]): Pool => ({
      ...pool,
      async withClient(_timeoutMs, work) {
        const next = failures.shift() ?? assert.fail('tried too often');
        if (next.asked) await work({} as pg.PoolClient);
        throw next.with;
      },
    });
    const recorded = async (failingPool: Pool, timeoutMs = 5000) => {
      const error = await createDatabase(failingPool, timeoutMs)
        .run(async () => {})
        .catch((thrown: unknown) => thrown);
      assert.ok(error instanceof CallFailed && error.failure.reason === 'audit_unavailable');
      return error.failure.recorded;
    };
    const broken = new Error('Connection terminated');
    const refused = postgresError('23514');
    const late = new DatabaseTimeout(1);

    test('is certain to have recorded nothing only where nobody was asked, or all said no', async () => {
      const rows: [{ asked: boolean; with: unknown }[], 'no' | 'unknown'][] = [
        [[{ asked: false, with: late }], 'no'],
        [[{ asked: true, with: refused }], 'no'],
        [[{ asked: true, with: late }], 'unknown'],
        [
          [
            { asked: false, with: broken },
            { asked: false, with: broken },
          ],
          'no',
        ],
        [
          [
            { asked: false, with: broken },
            { asked: true, with: refused },
          ],
          'no',
        ],
        [
          [
            { asked: true, with: broken },
            { asked: false, with: broken },
          ],
          'unknown',
        ],
        [
          [
            { asked: true, with: broken },
            { asked: true, with: refused },
          ],
          'unknown',
        ],
        [
          [
            { asked: true, with: postgresError('57P01') },
            { asked: true, with: refused },
          ],
          'unknown',
        ],
      ];
      for (const [failures, expected] of rows) assert.equal(await recorded(failing(...failures)), expected);
    });

    test('has no second try once its time is over', async ({ mock }) => {
      let now = 0;
      mock.method(performance, 'now', () => now);
      const one = failing({ asked: true, with: broken });
      const slow: Pool = {
        ...one,
        withClient: (ms, work) => one.withClient(ms, (client) => work(client)).finally(() => (now = 5000)),
      };
      assert.equal(await recorded(slow), 'unknown');
    });

    test('where no standby has confirmed the commit, may be on record, and is not tried again', async () => {
      let tries = 0;
      const hearing = (routine: string): Pool => ({
        ...pool,
        withClient: (timeoutMs, work) =>
          pool.withClient(timeoutMs, (client) => {
            tries += 1;
            (client as unknown as pg.Client).emit('notice', { routine } as never);
            return work(client);
          }),
      });
      assert.deepEqual(await createDatabase(hearing('ExecDropStmt'), 5000).query('select 1 as one'), [
        { one: 1 },
      ]);
      const warned = createDatabase(hearing('SyncRepWaitForLSN'), 5000).query('select 1');
      await assert.rejects(warned, (error) => {
        unavailable('NotReplicated committed, but no standby has confirmed it')(error);
        assert.equal((error as { failure: { recorded: string } }).failure.recorded, 'unknown');
        return true;
      });
      assert.equal(tries, 2);
      assert.deepEqual(await database().query('select 1 as one'), [{ one: 1 }], 'it was said of one answer');
    });
  });

  test('waits for a lock shorter than for an answer', () => {
    const { patienceMs, lockMs } = createDatabase(pool, 2000);
    assert.deepEqual([patienceMs, lockMs], [2000, 1500]);
  });

  test('by a named statement, by a text, and with values', async () => {
    const statement = { name: 'sum', text: 'select $1::int + 1 as sum' };
    assert.deepEqual(await database().query(statement, [1]), [{ sum: 2 }]);
    assert.deepEqual(await database().query('select $1::int + 1 as sum', [2]), [{ sum: 3 }]);
    assert.deepEqual(await database().query('select 1 as one'), [{ one: 1 }]);
    const [prepared] = await database().run(async (connection) => {
      await connection.query(statement, [1]);
      const named = 'select name, statement from pg_prepared_statements';
      return (await connection.query<{ name: string; statement: string }>(named)).rows;
    });
    assert.match(prepared?.name ?? '', /^sum-[0-9a-f]{12}$/);
    assert.equal(prepared?.statement, statement.text);
  });
});

function postgresError(code: string): pg.DatabaseError {
  const error = new pg.DatabaseError('no', 1, 'error');
  error.code = code;
  return error;
}
