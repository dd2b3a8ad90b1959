import pg from 'pg';
import type { Secret } from '../../core/secret.ts';
import { connectionConfigFrom } from './connection-config.ts';

export type PoolOptions = {
  /** Revealed for each new connection: a rotated password needs no restart. */
  readonly url: Secret;
  readonly size: number;
  /** For getting a connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Hears of connections that broke while idle. */
  readonly onError: (error: Error) => void;
  /** Hears, once, that the URL can not be used now; the one before stays in use. */
  readonly onUnusableUrl?: (error: Error) => void;
};

/** A pool of connections to PostgreSQL. Opens none before the first query, so that the service starts
 *  and stays up without its database. */
export function createPool(options: PoolOptions): pg.Pool {
  const currentConfig = followUrl(options);
  class CurrentClient extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, ...currentConfig() });
    }
  }
  const pool = new pg.Pool({
    Client: CurrentClient,
    max: options.size,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    application_name: 'chromeos-connector-bff',
  });
  // Without a listener a broken connection would end the process: idle ones are told to the pool, busy ones
  // through their query, but the event must not go unheard.
  pool.on('error', options.onError);
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** Gives what the next connection is to be made from. Once there was a usable URL it never throws: a
 *  throw out of the pool's queue would end the process. */
function followUrl({ url, onUnusableUrl }: PoolOptions): () => pg.ClientConfig {
  let last: pg.ClientConfig | null = null;
  let problem = '';
  return () => {
    try {
      last = connectionConfigFrom(url);
      problem = '';
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error('unknown');
      if (error.message !== problem) onUnusableUrl?.(error);
      problem = error.message;
      if (last === null) throw error;
    }
    return last;
  };
}

/** Runs `work` on one connection within `timeoutMs`, which includes getting the connection. Where the
 *  time runs out or the connection is in doubt it is destroyed, never given back: a statement may
 *  still be running on it. */
export async function withClient<Value>(
  pool: pg.Pool,
  timeoutMs: number,
  work: (client: pg.PoolClient) => Promise<Value>,
): Promise<Value> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new DatabaseTimeout(timeoutMs)), timeoutMs);
  try {
    const client = await connect(pool, timeout.promise);
    try {
      const value = await Promise.race([work(client), timeout.promise]);
      client.release();
      return value;
    } catch (error) {
      client.release(!(error instanceof pg.DatabaseError) || isShutdown(error));
      throw error;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** A connection from the pool; one that comes too late goes straight back. */
async function connect(pool: pg.Pool, timeout: Promise<never>): Promise<pg.PoolClient> {
  const connecting = pool.connect();
  try {
    return await Promise.race([connecting, timeout]);
  } catch (error) {
    connecting.then(
      (client) => client.release(),
      () => {},
    );
    throw error;
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
