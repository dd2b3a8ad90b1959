import type pg from 'pg';
import { cancelRunning } from './cancel.ts';
import { isConnectionLost } from './connection-lost.ts';
import { isPooled } from './session.ts';

/** What became of a connection whose caller has given up. `doubtful`: it did not answer, or not in a state in
 *  which the next caller could have it. */
export type Reuse = 'usable' | 'doubtful' | 'lost';

/** Cancels what runs on a connection and waits, for `withinMs` at most, until it has ended: whoever makes a new
 *  connection instead, and cancels nothing, leaves a server that is slow already with more to do. The transaction that
 *  it left open is rolled back. Never rejects. */
export async function prepareReuse(
  client: pg.ClientBase,
  running: Promise<unknown>,
  withinMs: number,
): Promise<Reuse> {
  const cancelled = cancelRunning(client);
  const prepared = running
    .then(
      () => false,
      (error) => isConnectionLost(error),
    )
    .then(async (lost): Promise<Reuse> => {
      if (lost) return 'lost';
      // A pooler may pass it on after it has said so, and end somebody else's statement.
      if (isPooled(client) || !(await cancelled)) return 'doubtful';
      if (client.getTransactionStatus() !== 'I') await client.query('rollback');
      return 'usable';
    })
    .catch((): Reuse => 'doubtful');
  const over = Promise.withResolvers<Reuse>();
  const timer = afterReading(withinMs, () => over.resolve('doubtful'));
  try {
    return await Promise.race([prepared, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A timer that lets what has arrived be read first: where our own process was held up, an answer may be there
 *  and only not have been looked at. */
export function afterReading(ms: number, act: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(act), ms);
}
