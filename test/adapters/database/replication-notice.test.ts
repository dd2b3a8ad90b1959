import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type pg from 'pg';
import {
  NotReplicated,
  tookBackReplication,
  watchNotices,
} from '../../../src/adapters/database/replication-notice.ts';

// Said by real servers: test/database/not-replicated.check.ts.
test('a commit that waits for a standby no longer is told once, on its own connection', () => {
  const [client, other] = [new EventEmitter(), new EventEmitter()] as unknown as [
    pg.ClientBase,
    pg.ClientBase,
  ];
  for (const one of [client, other]) watchNotices(one);
  const notice = (routine: string) => (client as unknown as EventEmitter).emit('notice', { routine });
  notice('DropErrorMsgNonExistent');
  assert.equal(tookBackReplication(client), false);
  notice('SyncRepWaitForLSN');
  assert.equal(tookBackReplication(other), false);
  assert.equal(tookBackReplication(client), true);
  assert.equal(tookBackReplication(client), false);
  const { name, message } = new NotReplicated();
  assert.deepEqual([name, message], ['NotReplicated', 'committed, but no standby has confirmed it']);
});
