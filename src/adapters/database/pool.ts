import pg from 'pg';
import type { Secret } from '../../core/secret.ts';

export type PoolOptions = {
  readonly url: Secret;
  readonly size: number;
  /** For getting a connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Hears of connections that broke while idle. */
  readonly onError: (error: Error) => void;
};

/** A pool of connections to PostgreSQL. Opens none before the first query, so that the service starts
 *  and stays up without its database. */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url.reveal(),
    max: options.size,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    application_name: 'chromeos-connector-bff',
  });
  // Without a listener a broken idle connection would end the process.
  pool.on('error', options.onError);
  return pool;
}

/** Runs `work` on one connection within `timeoutMs`, which includes getting the connection. Where the
 *  time runs out or the connection is in doubt it is destroyed, never given back: a statement may
 *  still be running on it. */
export async function withClient<Value>(
  pool: pg.Pool,
  timeoutMs: number,
  work: (client: pg.PoolClient) => Promise<Value>,
): Promise<Value> {
  const client = await pool.connect();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new DatabaseTimeout(timeoutMs)), timeoutMs);
  // A connection that breaks is told through the query; the event must not go unheard.
  const ignore = () => {};
  client.on('error', ignore);
  try {
    const value = await Promise.race([work(client), timeout.promise]);
    client.release();
    return value;
  } catch (error) {
    client.release(!(error instanceof pg.DatabaseError) || isShutdown(error));
    throw error;
  } finally {
    clearTimeout(timer);
    client.off('error', ignore);
  }
}

class DatabaseTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`PostgreSQL did not answer within ${timeoutMs} ms`);
    this.name = 'DatabaseTimeout';
  }
}

/** The connection is gone or going: nothing is known of a statement that was running on it, and
 *  another connection may do better (SQLSTATE classes 08 and 57P). */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof DatabaseTimeout) return false;
  return !(error instanceof pg.DatabaseError) || isShutdown(error);
}

function isShutdown(error: pg.DatabaseError): boolean {
  return /^(08|57P)/.test(error.code ?? '');
}
