import type pg from 'pg';
import { CallFailed } from '../../core/failure.ts';
import { isConnectionLost, withClient } from './pool.ts';

export type Database = {
  /** Runs `work` on one connection. Where the connection breaks it is run once more on another, so it
   *  must be such that twice is no more than once. Fails with `audit_unavailable`. */
  run<Value>(work: (client: pg.PoolClient) => Promise<Value>): Promise<Value>;
  /** The same in a transaction, which is committed when `run` returns. */
  transact<Value>(work: (client: pg.PoolClient) => Promise<Value>): Promise<Value>;
};

/** The service's database. Whatever it does not answer within `timeoutMs` has failed. */
export function createDatabase(pool: pg.Pool, timeoutMs: number): Database {
  async function run<Value>(work: (client: pg.PoolClient) => Promise<Value>): Promise<Value> {
    const begun = performance.now();
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await withClient(pool, timeoutMs - (performance.now() - begun), work);
      } catch (error) {
        // A connection that broke while idle in the pool, or between a commit and its answer, deserves
        // another; time that has run out does not.
        if (attempt > 0 || !isConnectionLost(error)) throw unavailable(error);
      }
    }
  }

  return {
    run,
    transact: (work) =>
      run(async (client) => {
        await client.query('begin');
        try {
          const value = await work(client);
          await client.query('commit');
          return value;
        } catch (error) {
          await client.query('rollback').catch(() => {});
          throw error;
        }
      }),
  };
}

function unavailable(error: unknown): unknown {
  if (error instanceof CallFailed) return error;
  const cause =
    error instanceof Error ? `${error.name} ${'code' in error ? error.code : error.message}` : 'unknown';
  return new CallFailed({ reason: 'audit_unavailable', cause }, { cause: error });
}
