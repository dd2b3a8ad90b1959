import pg from 'pg';
import type { Secret } from '../../core/secret.ts';
import { connectionConfigsFrom } from './connection-config.ts';
import { DatabaseTimeout, isConnectionLost, isRefused } from './connection-lost.ts';
import { NotReplicated, watchNotices } from './replication-notice.ts';
import { afterReading, prepareReuse } from './reuse.ts';
import { beginSession } from './session.ts';
import { Turns } from './turns.ts';

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
   *  out what is running is cancelled, and the connection is used again once that has ended. Where nothing comes from
   *  it, nor from any other, it is destroyed, and with it all that were made before: they lead to the same server. */
  withClient<Value>(timeoutMs: number, work: (client: pg.PoolClient) => Promise<Value>): Promise<Value>;
  counts(): { idle: number; active: number; waiting: number };
  end(): Promise<void>;
};

type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

// A name may have moved to another server without the connections to the old one breaking.
const lifetimeSeconds = 300;
// A new connection costs PostgreSQL more than most statements do. Where it is short of time already, many at once
// would all be too late, and be made again: it would do nothing else any more.
const makingAtOnce = 2;

export function createPool(options: PoolOptions): Pool {
  const hosts = followUrl(options);
  // Connections made before the last loss are not used again.
  let generation = 0;
  const madeIn = new WeakMap<pg.ClientBase, number>();
  let reconnecting = false;
  // When anything last came from PostgreSQL: a connection on which nothing comes meanwhile is slow, not lost.
  let answeredAt = Number.NEGATIVE_INFINITY;
  // While it becomes clear whether a silent server is slow or gone, nobody else asks it.
  let doubt: PromiseWithResolvers<void> | null = null;
  const silenceMs = options.patienceMs / 2;
  const making = new Turns(makingAtOnce);

  class CurrentClient extends pg.Client {
    readonly #host: pg.ClientConfig;
    readonly #made = Promise.withResolvers<void>();
    constructor(config?: pg.ClientConfig) {
      const host = hosts.current();
      super({ ...config, ...host });
      this.#host = host;
    }
    override connect(): Promise<pg.Client>;
    override connect(callback: Connected): void;
    override connect(callback?: Connected): Promise<pg.Client> | undefined {
      if (callback === undefined) return super.connect();
      const connected = callback as (error: Error | null, client?: pg.Client) => void;
      void making.take(async () => {
        if (this.connection.stream.destroyed) {
          connected(new Error('too many connections are being made'));
          return;
        }
        madeIn.set(this as unknown as pg.ClientBase, generation);
        super.connect((error: Error | null, client?: pg.Client) => {
          if (error !== null) this.made(error);
          connected(error, client);
        });
        await this.#made.promise;
      });
      return undefined;
    }
    /** It can be used, or will never be. */
    made(problem: unknown) {
      this.#made.resolve();
      if (problem !== null) hosts.leave(this.#host);
      options.onConnected?.(problem);
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
          (client as unknown as CurrentClient).made(null);
          done();
        },
        (error) => {
          (client as unknown as CurrentClient).made(error);
          done(error);
        },
      );
    },
  });
  // Without a listener the `error` event of a broken connection would end the process. The pool reports idle ones,
  // the query under way busy ones.
  pool.on('error', (error) => {
    lose(generation);
    options.onError(error);
  });
  pool.on('connect', (client) => {
    client.on('error', () => {});
    watchNotices(client);
    (client as unknown as CurrentClient).connection.stream.on('data', () => {
      answeredAt = performance.now();
      if (doubt !== null) endDoubt();
    });
  });

  function lose(made: number): void {
    if (made !== generation) return;
    generation += 1;
    reconnecting = true;
  }

  function endDoubt(): void {
    doubt?.resolve();
    doubt = null;
  }

  const isSilent = (askedAt: number) => performance.now() - Math.max(askedAt, answeredAt) >= silenceMs;

  /** Whoever waited has gone; what they asked for may still be running. */
  async function giveUp(client: pg.PoolClient, running: Promise<unknown>, askedAt: number): Promise<void> {
    const silent = isSilent(askedAt);
    if (silent) doubt ??= Promise.withResolvers();
    const reuse = await prepareReuse(client, running, silent ? silenceMs : options.patienceMs);
    if (reuse === 'lost' || isSilent(askedAt)) lose(madeIn.get(client) ?? generation);
    endDoubt();
    client.release(reuse !== 'usable');
  }

  /** A connection that is not in doubt; with several hosts each has its turn. */
  async function acquire(timeout: Promise<never>): Promise<pg.PoolClient> {
    for (let failures = 0; ; ) {
      try {
        while (doubt !== null) await Promise.race([doubt.promise, timeout]);
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
    async withClient<Value>(timeoutMs: number, work: (client: pg.PoolClient) => Promise<Value>) {
      const timeout = Promise.withResolvers<never>();
      timeout.promise.catch(() => {});
      const timer = afterReading(timeoutMs, () => timeout.reject(new DatabaseTimeout(timeoutMs)));
      try {
        const client = await acquire(timeout.promise);
        const askedAt = performance.now();
        let running: Promise<Value> | null = null;
        try {
          running = work(client);
          const value = await Promise.race([running, timeout.promise]);
          client.release();
          return value;
        } catch (error) {
          if (running !== null && error instanceof DatabaseTimeout) {
            void giveUp(client, running, askedAt);
            throw error;
          }
          if (isConnectionLost(error)) lose(madeIn.get(client) ?? generation);
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

/** Returns what the next connection is to be made from. Once there was a usable URL it never throws: a
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
