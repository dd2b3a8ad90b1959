import type pg from 'pg';
import type { Secret } from '../../core/secret.ts';
import { connectionConfigsFrom } from './connection-config.ts';

/** The hosts in the database URL, which is read again for each new connection. */
export type Hosts = {
  /** What the next connection is to be made from. Once there was a usable URL it never throws: a
   *  throw out of the pool's queue would end the process. */
  current(): pg.ClientConfig;
  /** The next connection goes to the next host, unless another caller has moved on from this one already. */
  leave(host: pg.ClientConfig): void;
  count(): number;
};

/** `onUnusable` is called once where the URL cannot be used; the previous one stays in use. */
export function followHosts(url: Secret, onUnusable: (error: Error) => void): Hosts {
  let last: readonly pg.ClientConfig[] = [];
  let problem = '';
  let turn = 0;
  return {
    current() {
      try {
        last = connectionConfigsFrom(url);
        problem = '';
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error('unknown');
        if (error.message !== problem) onUnusable(error);
        problem = error.message;
        if (last.length === 0) throw error;
      }
      const config = last[turn % last.length];
      if (config === undefined) throw new Error('the database URL names no host');
      return config;
    },
    leave({ connectionString }) {
      if (last[turn % last.length]?.connectionString === connectionString) turn += 1;
    },
    count: () => last.length,
  };
}
