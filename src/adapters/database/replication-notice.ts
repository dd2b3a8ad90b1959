import type pg from 'pg';

/** The transaction is committed here, and no standby is known to have it: waiting for one was ended, by whatever
 *  cancels a statement or by its time limit. PostgreSQL calls that a success, with a warning. */
export class NotReplicated extends Error {
  constructor() {
    super('committed, but no standby has confirmed it');
    this.name = 'NotReplicated';
  }
}

const warned = new WeakSet<pg.ClientBase>();

/** Watches the notices that PostgreSQL sends on a connection, from now on. */
export function watchNotices(client: pg.ClientBase): void {
  client.on('notice', (notice) => {
    // The one place that says so (syncrep.c), in whatever language; its SQLSTATE is that of
    // any warning.
    if (notice.routine === 'SyncRepWaitForLSN') warned.add(client);
  });
}

/** Whether that was said since it was last asked. */
export function tookBackReplication(client: pg.ClientBase): boolean {
  return warned.delete(client);
}
