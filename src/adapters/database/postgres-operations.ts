import type pg from 'pg';
import type { KeptAnswer, Operation } from '../../core/operation/operation.ts';
import type { NewOperation, Operations } from '../../core/ports.ts';
import { eventsJson } from './audit-rows.ts';
import { cursorTo, positionAt } from './cursor.ts';
import type { Database } from './database.ts';
import { type KeyedRow, keyedFrom, type OperationRow, operationFrom } from './operation-row.ts';
import { claimRead } from './statements/claim-read.ts';
import { disconnectPreconditions } from './statements/disconnect-preconditions.ts';
import { moveOperation } from './statements/move-operation.ts';
import { openOperation } from './statements/open-operation.ts';
import { operationByKey } from './statements/operation-by-key.ts';
import { switchedOff } from './statements/switched-off.ts';

export type PostgresOperationsOptions = {
  readonly database: Database;
  /** How long an idempotency key is kept, in milliseconds. */
  readonly idempotencyMs: number;
};

type StandingRow = { disabled_because: string | null } & (KeyedRow | { id: null });

/** Operations in PostgreSQL. Each move commits together with its event. */
export function createPostgresOperations({ database, idempotencyMs }: PostgresOperationsOptions): Operations {
  // A statement with a name is parsed and planned once for each connection.
  const rows = <Row extends pg.QueryResultRow>(
    statement: { readonly name?: string; readonly text: string },
    values: unknown[],
  ): Promise<Row[]> =>
    database.run(async (client) => (await client.query<Row>({ ...statement, values })).rows);
  const one = async (text: string, values: unknown[]): Promise<Operation | null> => {
    const [row] = await rows<OperationRow>({ text }, values);
    return row === undefined ? null : operationFrom(row);
  };

  return {
    find: (tenantId, id) => one('select * from operations where id = $2 and tenant_id = $1', [tenantId, id]),
    findOpen: (tenantId) => one('select * from operations where tenant_id = $1 and open', [tenantId]),

    async standing({ tenantId, oid }, key) {
      const [first, second] = await rows<StandingRow>(disconnectPreconditions, [tenantId, oid, key]);
      return {
        newest: first === undefined || first.id === null ? null : operationFrom(first),
        disabledBecause: first?.disabled_because ?? null,
        earlier: second === undefined || second.id === null ? null : keyedFrom(second),
      };
    },

    async list({ tenantId, status, limit, cursor }) {
      const found = await rows<OperationRow>(
        {
          text: `select * from operations where tenant_id = $1
             and ($2::text is null or status = $2) and ($3::bigint is null or position < $3)
           order by position desc limit $4`,
        },
        [tenantId, status, cursor === null ? null : positionAt(cursor), limit + 1],
      );
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const nextCursor = found.length > limit && last !== undefined ? cursorTo(last.position) : null;
      return { operations: page.map(operationFrom), nextCursor };
    },

    async findByKey(tenantId, oid, key) {
      const [row] = await rows<KeyedRow>(operationByKey, [tenantId, oid, key]);
      return row === undefined ? null : keyedFrom(row);
    },

    // In a transaction though it is one statement: where we have given up waiting for it, and said that nothing
    // was done, nobody commits it.
    open: (opening, event) =>
      database.transact(async (client) => {
        const found = await client.query<{ result: 'opened' | 'slot_taken' | 'disabled' }>({
          ...openOperation,
          values: [
            newRow(opening),
            opening.after,
            opening.supersededStatus,
            opening.leaseMs,
            idempotencyMs,
            eventsJson([event]),
          ],
        });
        return found.rows[0]?.result ?? 'slot_taken';
      }),

    move: ({ id, status }, to, change, event, leaseMs = 0) =>
      database.transact(async (client) => {
        const { rows } = await client.query<OperationRow>({
          ...moveOperation,
          values: [
            id,
            status,
            to,
            event.time,
            leaseMs,
            JSON.stringify(change),
            event.id,
            eventsJson([event]),
          ],
        });
        return rows[0] === undefined ? null : operationFrom(rows[0]);
      }),

    async claimRead(id, everyMs) {
      const claimed = await rows(claimRead, [id, everyMs]);
      return claimed.length > 0;
    },

    async overdue() {
      const found = await rows<OperationRow>(
        {
          text: `select * from operations where (status = 'sent' and lease_until < now())
             or (status in ('awaiting_approval', 'approved') and expires_at < now())`,
        },
        [],
      );
      return found.map(operationFrom);
    },

    async disabledBecause(tenantId) {
      const [row] = await rows<{ reason: string }>(switchedOff, [tenantId]);
      return row?.reason ?? null;
    },
  };
}

/** The row of a new operation, without what the database's own clock says. */
function newRow({ operation, key }: NewOperation): string {
  const sends = operation.status === 'sent';
  return JSON.stringify({
    id: operation.id,
    tenant_id: operation.tenantId,
    status: operation.status,
    requester_oid: operation.requester.oid,
    requester_name: operation.requester.name,
    requester_client_id: operation.requester.clientId,
    reason: operation.reason,
    ticket: operation.ticket,
    connection_id: operation.connection.id,
    connection: operation.connection,
    request_id: operation.requestId,
    supersedes: operation.supersedes,
    requested_at: operation.requestedAt,
    sent_at: operation.sentAt,
    moved_at: operation.movedAt,
    expires_at: operation.expiresAt,
    idempotency_key: key?.key,
    idempotency_fingerprint: key?.fingerprint,
    // A wish for an approval is answered already.
    answer: sends ? undefined : wishAnswer(operation),
  });
}

function wishAnswer({ requestId }: Operation): KeptAnswer {
  return { outcome: 'awaiting_approval', value: null, cause: null, concludedFrom: null, requestId };
}
