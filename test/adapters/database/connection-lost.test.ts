import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import {
  DatabaseTimeout,
  isConnectionLost,
  isLockTimeout,
  isRefused,
  isRolledBack,
  ReadOnlyServer,
} from '../../../src/adapters/database/connection-lost.ts';
import { NotReplicated } from '../../../src/adapters/database/replication-notice.ts';
import { CallFailed } from '../../../src/core/failure.ts';

/** PostgreSQL's own error. Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const told = (code: string | undefined, routine?: string) =>
  Object.assign(new pg.DatabaseError('told by PostgreSQL', 0, 'error'), { code, routine });
const kindsOf = (error: unknown) =>
  Object.entries({
    lost: isConnectionLost,
    refused: isRefused,
    rolledBack: isRolledBack,
    locked: isLockTimeout,
  })
    .filter(([, isOne]) => isOne(error))
    .map(([kind]) => kind);

const errors: [string, unknown, string[]][] = [
  ['a broken connection', told('08006'), ['lost']],
  ['a server that shuts down', told('57P01'), ['lost']],
  ['a server that starts up', told('57P03'), ['lost']],
  ['a server that became read-only', told('25006'), ['lost']],
  ['a plan from before a migration', told('0A000', 'RevalidateCachedQuery'), ['lost']],
  ['what PostgreSQL cannot do', told('0A000', 'transformLockingClause'), ['refused']],
  ['another refusal at the same place', told('42501', 'RevalidateCachedQuery'), ['refused']],
  ['a statement that was cancelled', told('57014'), ['refused']],
  ['a refusal with a code that only ends so', told('25P08'), ['refused']],
  ['a refusal without a code', told(undefined), ['refused']],
  ['a serialization failure', told('40001'), ['refused', 'rolledBack']],
  ['a deadlock', told('40P01'), ['refused', 'rolledBack']],
  ['another rollback', told('40002'), ['refused']],
  ['a lock that is held', told('55P03'), ['refused', 'locked']],
  ['a socket that broke', Object.assign(new Error(), { code: 'ECONNRESET' }), ['lost']],
  ['an error of another library with such a code', Object.assign(new Error(), { code: '40001' }), ['lost']],
  ['another one', Object.assign(new Error(), { code: '55P03' }), ['lost']],
  ['a server that takes no writes', new ReadOnlyServer('recovery'), ['lost']],
  ['no answer in time', new DatabaseTimeout(5), []],
  ['a commit that no standby has', new NotReplicated(), []],
  ['a failure that was told already', new CallFailed({ reason: 'history_lost' }), []],
  ['one for a lock', new CallFailed({ reason: 'history_lost' }, { cause: told('55P03') }), ['locked']],
  ['one for another reason', new CallFailed({ reason: 'history_lost' }, { cause: told('40001') }), []],
];

describe('an error of the database', () => {
  for (const [name, error, kinds] of errors) {
    test(`${name}: ${kinds.join(', ') || 'none of these'}`, () => assert.deepEqual(kindsOf(error), kinds));
  }
});
