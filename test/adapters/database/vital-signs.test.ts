import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { clockOffsetMs } from '../../../src/adapters/database/clock-offset.ts';
import { DatabaseTimeout, ReadOnlyServer } from '../../../src/adapters/database/connection-lost.ts';
import type { Pool } from '../../../src/adapters/database/pool.ts';
import { problemOf, readDatabaseHealth } from '../../../src/adapters/database/vital-signs.ts';

function refused(code: string | undefined): pg.DatabaseError {
  const error = new pg.DatabaseError('with an address', 1, 'error');
  error.code = code;
  return error;
}

/** A pool whose one answer this is. */
function poolThat(answer: (timeoutMs: number) => object | Promise<object>): Pool {
  const withClient = async (timeoutMs: number, work: (client: object) => Promise<unknown>) =>
    work({ query: async () => ({ rows: [await answer(timeoutMs)] }) });
  return {
    withClient,
    counts: () => ({ idle: 0, active: 0, waiting: 0 }),
    end: async () => {},
  } as unknown as Pool;
}
const failing = (error: unknown) => poolThat(() => Promise.reject(error));

// With a real database: test/e2e/vital-signs.test.ts and probes.test.ts.
describe('why PostgreSQL cannot be used', () => {
  const problems: [unknown, up: boolean, string][] = [
    [new ReadOnlyServer('recovery'), false, 'takes no writes: a standby, or a primary that was demoted'],
    [
      new ReadOnlyServer('setting'),
      false,
      'takes no writes: default_transaction_read_only is on, for the server, the database or the role',
    ],
    [new DatabaseTimeout(1), false, 'does not answer in time'],
    [new Error('connect ECONNREFUSED 10.0.0.1:5432'), false, 'cannot be reached'],
    [refused('28P01'), false, 'refuses us: the role or its password is not accepted (SQLSTATE 28P01)'],
    [refused('3D000'), false, 'refuses us: there is no such database (SQLSTATE 3D000)'],
    [refused('53300'), false, 'refuses us: it has no connection left (SQLSTATE 53300)'],
    [refused('53100'), false, 'refuses us: it lacks memory, disk or connections (SQLSTATE 53100)'],
    [refused('57P03'), false, 'refuses us: it is starting up or shutting down (SQLSTATE 57P03)'],
    [refused('57P01'), false, 'refuses us: it is shutting down (SQLSTATE 57P01)'],
    [refused('55P03'), true, 'refuses us: a lock could not be obtained in time (SQLSTATE 55P03)'],
    [refused('57014'), true, 'refuses us: a lock could not be obtained in time (SQLSTATE 57014)'],
    [refused('25006'), false, 'refuses us: it takes no writes (SQLSTATE 25006)'],
    [refused('42501'), true, 'refuses us: the role lacks a privilege (SQLSTATE 42501)'],
    [refused('42P01'), true, 'refuses us: its schema is not ours (SQLSTATE 42P01)'],
    [refused('XX000'), false, 'refuses us: an error (SQLSTATE XX000)'],
    [refused('00042'), false, 'refuses us: an error (SQLSTATE 00042)'],
    [refused(undefined), false, 'refuses us: an error (SQLSTATE )'],
  ];
  for (const [error, up, problem] of problems) {
    test(problem, async () => {
      assert.equal(problemOf(error), problem);
      const health = await readDatabaseHealth(failing(error), 1000);
      assert.deepEqual([health.up, health.signs, health.problem], [up, null, problem]);
    });
  }
});

describe('this machine’s clock beside the database’s', () => {
  const offset = async (askedAt: number, theirs: number, answeredAt: number) => {
    const times = [askedAt, answeredAt];
    const pool = poolThat((timeoutMs) => ({ ms: String(theirs), timeoutMs: assert.equal(timeoutMs, 700) }));
    return clockOffsetMs(pool, 700, () => times.shift() ?? assert.fail());
  };

  test('is ahead or behind by what is certain', async () => {
    assert.equal(await offset(1000, 1050, 1100), 0, 'between the two');
    assert.equal(await offset(1000, 900, 1100), 100, 'ahead already when it asked');
    assert.equal(await offset(1000, 1300, 1100), -200, 'behind still when it was answered');
  });

  test('is not known where the database does not answer', async () => {
    assert.equal(await clockOffsetMs(failing(new Error('no')), 700, Date.now), null);
  });
});
