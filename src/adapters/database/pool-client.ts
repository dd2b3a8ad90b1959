import pg from 'pg';
import type { Generations } from './generations.ts';
import type { Hosts } from './hosts.ts';
import { Turns } from './turns.ts';

export type PoolClientOptions = {
  readonly hosts: Hosts;
  readonly generations: Generations;
  /** Called for each connection that could not be made or used, and (with `null`) for each that could. */
  readonly onConnected: (problem: unknown) => void;
};

/** A connection of the pool. */
export type PoolClient = pg.Client & {
  /** It can be used (`null`), or will never be. */
  made(problem: unknown): void;
};

type Connected = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

// A new connection costs PostgreSQL more than most statements do. Where it is short of time already, many at once
// would all be too late, and be made again: it would do nothing else any more.
const makingAtOnce = 2;

/** The class of a pool's connections: each goes to the host that is current, and waits its turn to be made. */
export function poolClientClass({
  hosts,
  generations,
  onConnected,
}: PoolClientOptions): new (
  config?: pg.ClientConfig,
) => PoolClient {
  const making = new Turns(makingAtOnce);
  return class extends pg.Client {
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
        generations.add(this as unknown as pg.ClientBase);
        super.connect((error: Error | null, client?: pg.Client) => {
          if (error !== null) this.made(error);
          connected(error, client);
        });
        await this.#made.promise;
      });
      return undefined;
    }

    made(problem: unknown): void {
      this.#made.resolve();
      if (problem !== null) hosts.leave(this.#host);
      onConnected(problem);
    }
  };
}
