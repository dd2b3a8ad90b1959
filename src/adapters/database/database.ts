import type pg from 'pg';
import { CallFailed } from '../../core/failure.ts';
import { DatabaseTimeout, isConnectionLost, isRefused, isRolledBack } from './connection-lost.ts';
import type { Pool } from './pool.ts';
import { NotReplicated, tookBackReplication } from './replication-notice.ts';
import { lockPatience } from './session.ts';
import { queryOf, type Statement } from './statement.ts';

/** One connection, for as long as the work on it lasts. */
export type Connection = {
  query<Row extends pg.QueryResultRow>(
    statement: Statement | string,
    values?: unknown[],
  ): Promise<{ readonly rows: Row[] }>;
};

export type Database = {
  /** Runs `work` on one connection. Where the connection breaks, or PostgreSQL lets another transaction go first, it is
   *  run once more, so `work` must be idempotent. Fails with `audit_unavailable`. */
  run<Value>(work: (connection: Connection) => Promise<Value>): Promise<Value>;
  /** The same in a transaction. Where it fails with `recorded: 'unknown'` PostgreSQL may have committed it all the
   *  same, or may yet: a commit that waits for a standby is waited for no longer, and stays. */
  transact<Value>(work: (connection: Connection) => Promise<Value>): Promise<Value>;
  /** One statement, as `run`. */
  query<Row extends pg.QueryResultRow>(statement: Statement | string, values?: unknown[]): Promise<Row[]>;
  /** How long a caller waits for an answer, in milliseconds. */
  readonly patienceMs: number;
  /** How long a write to the record waits for a lock, in milliseconds. */
  readonly lockMs: number;
};

/** The service's database. A call that is not answered within `timeoutMs` has failed. */
export function createDatabase(pool: Pool, timeoutMs: number): Database {
  async function run<Value>(work: (connection: Connection) => Promise<Value>): Promise<Value> {
    const deadline = performance.now() + timeoutMs;
    let inDoubt = false;
    for (let second = false; ; second = true) {
      let asked = false;
      const lease: Lease = { timeoutMs, over: false };
      try {
        return await pool.withClient(deadline - performance.now(), (client) => {
          asked = true;
          return work(connectionOn(client, lease));
        });
      } catch (error) {
        inDoubt ||= asked && !isRefused(error);
        // A connection that broke while idle in the pool, or between a commit and its answer, or that leads to
        // a standby, deserves another; time that has run out does not.
        const mayDoBetter = isConnectionLost(error) || isRolledBack(error);
        const again = !second && performance.now() < deadline && mayDoBetter;
        if (!again) throw unavailable(error, inDoubt ? 'unknown' : 'no');
      } finally {
        lease.over = true;
      }
    }
  }

  return {
    run,
    transact: (work) =>
      run(async (connection) => {
        await connection.query('begin');
        try {
          const value = await work(connection);
          await connection.query('commit');
          return value;
        } catch (error) {
          await connection.query('rollback').catch(() => {});
          throw error;
        }
      }),
    query: async <Row extends pg.QueryResultRow>(statement: Statement | string, values?: unknown[]) =>
      (await run((connection) => connection.query<Row>(statement, values))).rows,
    patienceMs: timeoutMs,
    lockMs: lockPatience(timeoutMs),
  };
}

type Lease = { readonly timeoutMs: number; over: boolean };

/** With a callback, since the promise that pg makes itself keeps V8 from freeing it, and all that waits for it, before
 *  the next full collection. Once the lease is over nothing more is asked: the call has failed for its caller, and the
 *  connection may be another's. */
function connectionOn(client: pg.ClientBase, lease: Lease): Connection {
  return {
    query<Row extends pg.QueryResultRow>(statement: Statement | string, values: unknown[] = []) {
      const query =
        typeof statement === 'string' ? { text: statement, values } : queryOf(client, statement, values);
      return new Promise<{ rows: Row[] }>((resolve, reject) => {
        if (lease.over) {
          reject(new DatabaseTimeout(lease.timeoutMs));
          return;
        }
        client.query<Row>(query, (error, result) => {
          if (tookBackReplication(client)) reject(new NotReplicated());
          else if (error) reject(error);
          else resolve(result);
        });
      });
    },
  };
}

function unavailable(error: unknown, recorded: 'no' | 'unknown'): unknown {
  if (error instanceof CallFailed) return error;
  const cause =
    error instanceof Error ? `${error.name} ${'code' in error ? error.code : error.message}` : 'unknown';
  return new CallFailed({ reason: 'audit_unavailable', cause, recorded }, { cause: error });
}
