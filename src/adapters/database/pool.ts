import pg from 'pg';
import type { Secret } from '../../core/secret.ts';
import { cancelRunning } from './cancel.ts';
import { connectionConfigsFrom } from './connection-config.ts';
import { DatabaseTimeout, isConnectionLost, isRefused } from './connection-lost.ts';
import { heedNotices, NotReplicated } from './replication-notice.ts';
import { beginSession } from './session.ts';

export type PoolOptions = {
  /** Revealed for each new connection: a rotated password needs no restart. */
  readonly url: Secret;
  readonly size: number;
  /** For getting a connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** How long a caller waits for a statement, in milliseconds: PostgreSQL gives up a little earlier. */
  readonly patienceMs: number;
  /** Called when a connection breaks while idle. */
  readonly onError: (error: Error) => void;
  /** Called once when the URL cannot be used; the previous one stays in use. */
  readonly onUnusableUrl?: (error: Error) => void;
  /** Called for each connection that could not be made or used, and (with `null`) for each that could. */
  readonly onConnected?: (problem: unknown) => void;
  /** Called when connections are made again after some were lost: it may be another server now. */
  readonly onReconnected?: () => void;
};

/** Connections to PostgreSQL. Opens none before the first use, so that the service starts and stays up without
 *  its database. */
export type Pool = {
  /** Runs `work` on one connection within `timeoutMs`, which includes getting the connection. Where the time runs
   *  out what is running is cancelled; where the connection is in doubt it is destroyed, and with it all that
   *  were made before: they lead to the same server. */
  withClient<Value>(timeoutMs: number, work: (client: pg.PoolClient) => Promise<Value>): Promise<Value>;
  counts(): { idle: number; active: number; waiting: number };
  end(): Promise<void>;
};

type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

// A name may have moved to another server without the connections to the old one breaking.
const lifetimeSeconds = 300;

export function createPool(options: PoolOptions): Pool {
  const hosts = followUrl(options);
  // Connections made before the last loss are not used again.
  let generation = 0;
  const madeIn = new WeakMap<pg.ClientBase, number>();
  let reconnecting = false;
  // When any connection last had an answer: one that has none while others have is slow, not lost.
  let answeredAt = Number.NEGATIVE_INFINITY;

  class CurrentClient extends pg.Client {
    readonly #host: pg.ClientConfig;
    constructor(config?: pg.ClientConfig) {
      const host = hosts.current();
      super({ ...config, ...host });
      this.#host = host;
      madeIn.set(this as unknown as pg.ClientBase, generation);
    }
    override connect(): Promise<pg.Client>;
    override connect(callback: Connected): void;
    override connect(callback?: Connected): Promise<pg.Client> | undefined {
      if (callback === undefined) return super.connect();
      super.connect((error: Error | null, client?: pg.Client) => {
        if (error !== null) {
          hosts.leave(this.#host);
          options.onConnected?.(error);
        }
        (callback as (error: Error | null, client?: pg.Client) => void)(error, client);
      });
      return undefined;
    }
    leave() {
      hosts.leave(this.#host);
    }
  }

  const pool = new pg.Pool({
    Client: CurrentClient as unknown as new () => pg.ClientBase,
    max: options.size,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    maxLifetimeSeconds: lifetimeSeconds,
    application_name: 'chromeos-connector-bff',
    verify: (client, done) => {
      beginSession(client, options.patienceMs).then(
        () => {
          if (reconnecting) options.onReconnected?.();
          reconnecting = false;
          options.onConnected?.(null);
          done();
        },
        (error) => {
          options.onConnected?.(error);
          (client as unknown as CurrentClient).leave();
          done(error);
        },
      );
    },
  });
  // Without a listener a broken connection would end the process: idle ones are told to the pool, busy ones
  // through their query, but the event must not go unheard.
  pool.on('error', (error) => {
    lose(generation);
    options.onError(error);
  });
  pool.on('connect', (client) => {
    client.on('error', () => {});
    heedNotices(client);
  });

  function lose(made: number): void {
    if (made !== generation) return;
    generation += 1;
    reconnecting = true;
  }

  /** A connection that is not in doubt; with several hosts each has its turn. */
  async function acquire(timeout: Promise<never>): Promise<pg.PoolClient> {
    for (let failures = 0; ; ) {
      try {
        const client = await connect(pool, timeout);
        if (madeIn.get(client) === generation) return client;
        client.release(true);
      } catch (error) {
        failures += 1;
        if (failures >= hosts.count() || !isConnectionLost(error)) throw error;
      }
    }
  }

  return {
    async withClient(timeoutMs, work) {
      const timeout = Promise.withResolvers<never>();
      timeout.promise.catch(() => {});
      const timer = setTimeout(() => timeout.reject(new DatabaseTimeout(timeoutMs)), timeoutMs);
      try {
        const client = await acquire(timeout.promise);
        try {
          const value = await Promise.race([work(client), timeout.promise]);
          answeredAt = performance.now();
          client.release();
          return value;
        } catch (error) {
          const late = error instanceof DatabaseTimeout;
          if (late) void cancelRunning(client);
          const silent = late && performance.now() - answeredAt >= options.patienceMs / 2;
          if (silent || isConnectionLost(error)) lose(madeIn.get(client) ?? generation);
          const usable = isRefused(error) || error instanceof NotReplicated;
          client.release(!usable);
          throw error;
        }
      } finally {
        clearTimeout(timer);
      }
    },
    counts: () => ({
      idle: pool.idleCount,
      active: pool.totalCount - pool.idleCount,
      waiting: pool.waitingCount,
    }),
    end: () => pool.end(),
  };
}

/** Gives what the next connection is to be made from. Once there was a usable URL it never throws: a
 *  throw out of the pool's queue would end the process. */
function followUrl({ url, onUnusableUrl }: PoolOptions) {
  let last: readonly pg.ClientConfig[] = [];
  let problem = '';
  let turn = 0;
  return {
    current(): pg.ClientConfig {
      try {
        last = connectionConfigsFrom(url);
        problem = '';
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error('unknown');
        if (error.message !== problem) onUnusableUrl?.(error);
        problem = error.message;
        if (last.length === 0) throw error;
      }
      const config = last[turn % last.length];
      if (config === undefined) throw new Error('the database URL names no host');
      return config;
    },
    /** The next connection goes to the next host, unless another caller has moved on from this one already. */
    leave({ connectionString }: pg.ClientConfig): void {
      if (last[turn % last.length]?.connectionString === connectionString) turn += 1;
    },
    count: () => last.length,
  };
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
