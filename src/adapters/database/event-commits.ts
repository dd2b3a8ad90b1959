import type { StoredOperation } from '../../core/operation/operation.ts';
import { appendEvents } from './audit-rows.ts';
import type { Database } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import type { KnownHistory } from './known-history.ts';
import { type OperationRow, operationFrom } from './operation-row.ts';
import { findOperations } from './statements/find-operations.ts';

export type EventCommitsOptions = {
  readonly database: Database;
  readonly history: KnownHistory;
  /** Of the pool: half of its connections may wait for a chain's head. */
  readonly connections: number;
};

/** Puts events on the record, many in one commit; each caller gets the operation that is open in its tenant by then. */
export type EventCommits = GroupCommit<StoredOperation | null>;

export function createEventCommits({ database, history, connections }: EventCommitsOptions): EventCommits {
  return new GroupCommit({
    timeoutMs: database.patienceMs,
    lockMs: database.lockMs,
    aloneAtOnce: Math.max(1, Math.floor(connections / 2)),
    async write(events, lockMs) {
      const heads = await database.run((connection) => appendEvents(connection, events, lockMs));
      // The events are on record all the same: reads go on where history was lost.
      for (const chain of history.learn(heads, events)) history.report(database, chain).catch(() => {});
      const ids = heads.flatMap(({ openId }) => openId ?? []);
      const rows = ids.length === 0 ? [] : await database.query<OperationRow>(findOperations, [ids]);
      const open = new Map(rows.map((row) => [row.tenant_id, operationFrom(row)]));
      return ({ tenantId }) => open.get(tenantId) ?? null;
    },
  });
}
