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
  let last: ReturnType<typeof connectionConfigsFrom> | null = null;
  let problem: string | null = null;
  let turn = 0;
  return {
    current() {
      try {
        last = connectionConfigsFrom(url);
        problem = null;
      } catch (thrown) {
        const error = thrown as Error;
        if (error.message !== problem) onUnusable(error);
        problem = error.message;
        if (last === null) throw error;
      }
      return last[turn % last.length] ?? last[0];
    },
    leave({ connectionString }) {
      if (last?.[turn % last.length]?.connectionString === connectionString) turn += 1;
    },
    count: () => last?.length ?? 0,
  };
}
