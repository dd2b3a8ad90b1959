import pg from 'pg';
import { CallFailed } from '../../core/failure.ts';
import { NotReplicated } from './replication-notice.ts';

/** What was asked was not answered in time. */
export class DatabaseTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`PostgreSQL did not answer within ${timeoutMs} ms`);
    this.name = 'DatabaseTimeout';
  }
}

/** Why a server takes no writes, in words for those who have to change it. */
export const readOnlyBecause = {
  recovery: 'a standby, or a primary that was demoted',
  setting: 'default_transaction_read_only is on, for the server, the database or the role',
} as const;

/** The server takes no writes. */
export class ReadOnlyServer extends Error {
  readonly because: keyof typeof readOnlyBecause;
  constructor(because: keyof typeof readOnlyBecause) {
    super(`PostgreSQL takes no writes here (${readOnlyBecause[because]})`);
    this.name = 'ReadOnlyServer';
    this.because = because;
  }
}

/** PostgreSQL rolled it back to let another go on (SQLSTATE 40001, 40P01): it may do better the next time. */
export function isRolledBack(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01');
}

/** The connection is gone, going, or leads to a server that takes no writes: whatever was asked was not carried
 *  out, or is such that twice is once, and another connection may do better. SQLSTATE classes 08 (connection) and
 *  57P (shutting down, starting up), 25006 (a read-only server), and a plan made before a migration (0A000). */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) {
    // A statement that was prepared before a migration gives other columns now, and will for as long as the
    // connection lives.
    if (error.code === '0A000' && error.routine === 'RevalidateCachedQuery') return true;
    return /^(08|57P|25006)/.test(String(error.code));
  }
  return !(error instanceof DatabaseTimeout || error instanceof NotReplicated || error instanceof CallFailed);
}

/** PostgreSQL refused a statement, and with it its whole transaction: nothing of it was stored. */
export function isRefused(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !isConnectionLost(error);
}

/** A lock could not be obtained in the time the statement had for it (SQLSTATE 55P03). */
export function isLockTimeout(error: unknown): boolean {
  if (error instanceof CallFailed) return isLockTimeout(error.cause);
  return error instanceof pg.DatabaseError && error.code === '55P03';
}
