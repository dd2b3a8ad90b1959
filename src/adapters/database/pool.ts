import pg from 'pg';
import type { Secret } from '../../core/secret.ts';
import { DatabaseTimeout, isConnectionLost, isRefused } from './connection-lost.ts';
import { Generations } from './generations.ts';
import { followHosts, type Hosts } from './hosts.ts';
import { type PoolClient, poolClientClass } from './pool-client.ts';
import { NotReplicated, watchNotices } from './replication-notice.ts';
import { afterReading, prepareReuse } from './reuse.ts';
import { beginSession } from './session.ts';
import { Silence } from './silence.ts';

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

// A name may have moved to another server without the connections to the old one breaking.
const lifetimeSeconds = 300;

export function createPool(options: PoolOptions): Pool {
  const hosts = followHosts(options.url, (error) => options.onUnusableUrl?.(error));
  const generations = new Generations();
  const silence = new Silence(options.patienceMs / 2);
  const pool = openPool(options, hosts, generations, silence);

  /** Whoever waited has gone; what they asked for may still be running. */
  async function giveUp(client: pg.PoolClient, running: Promise<unknown>, askedAt: number): Promise<void> {
    const silent = silence.isSilentSince(askedAt);
    if (silent) silence.beginDoubt();
    const reuse = await prepareReuse(client, running, silent ? silence.limitMs : options.patienceMs);
    if (reuse === 'lost' || silence.isSilentSince(askedAt)) generations.lose(client);
    silence.endDoubt();
    client.release(reuse !== 'usable');
  }

  /** A connection that is not in doubt; with several hosts each has its turn. */
  async function acquire(timeout: Promise<never>): Promise<pg.PoolClient> {
    for (let failures = 0; ; ) {
      try {
        await silence.undoubted(timeout);
        const client = await connect(pool, timeout);
        if (generations.isCurrent(client)) return client;
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
          if (isConnectionLost(error)) generations.lose(client);
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

/** pg's pool, of connections that report what comes of them. */
function openPool(options: PoolOptions, hosts: Hosts, generations: Generations, silence: Silence): pg.Pool {
  const onConnected = (problem: unknown) => options.onConnected?.(problem);
  const pool = new pg.Pool({
    Client: poolClientClass({ hosts, generations, onConnected }) as unknown as new () => pg.ClientBase,
    max: options.size,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    maxLifetimeSeconds: lifetimeSeconds,
    application_name: 'chromeos-connector-bff',
    verify: (client, done) => {
      const made = (problem: unknown) => poolClient(client).made(problem);
      beginSession(client, options.patienceMs).then(
        () => {
          if (generations.isFirstSinceLoss()) options.onReconnected?.();
          made(null);
          done();
        },
        (error) => {
          made(error);
          done(error);
        },
      );
    },
  });
  // Without a listener the `error` event of a broken connection would end the process. The pool reports idle ones,
  // the query under way busy ones.
  pool.on('error', (error) => {
    generations.loseAll();
    options.onError(error);
  });
  pool.on('connect', (client) => {
    client.on('error', () => {});
    watchNotices(client);
    poolClient(client).connection.stream.on('data', () => silence.answered());
  });
  return pool;
}

/** pg's types do not know that the pool's connections are of the class that it was given. */
function poolClient(client: pg.ClientBase): PoolClient {
  return client as unknown as PoolClient;
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
