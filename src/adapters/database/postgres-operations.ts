import { LRUCache } from 'lru-cache';
import type pg from 'pg';
import type { AuditEvent } from '../../core/audit/audit-event.ts';
import { CallFailed } from '../../core/failure.ts';
import type { StoredOperation } from '../../core/operation/operation.ts';
import type { MoveRefusal, NewOperation, Operations } from '../../core/ports.ts';
import { eventsJson } from './audit-rows.ts';
import { cursorTo, positionAt } from './cursor.ts';
import type { Database } from './database.ts';
import { firstRow } from './first-row.ts';
import { isHistoryLost, type KnownHistory } from './known-history.ts';
import { type KeyedRow, keyedFrom, type OperationRow, operationFrom } from './operation-row.ts';
import type { Statement } from './statement.ts';
import { claimRead } from './statements/claim-read.ts';
import { disconnectPreconditions } from './statements/disconnect-preconditions.ts';
import { endUnsentOperation } from './statements/end-unsent-operation.ts';
import { moveOperation } from './statements/move-operation.ts';
import { openOperation } from './statements/open-operation.ts';
import { operationByKey } from './statements/operation-by-key.ts';
import { permitSending } from './statements/permit-sending.ts';
import { storedOperation } from './statements/stored-operation.ts';
import { switchedOff } from './statements/switched-off.ts';
import { Turns } from './turns.ts';

export type PostgresOperationsOptions = {
  readonly database: Database;
  readonly history: KnownHistory;
  /** How long an idempotency key is kept, in milliseconds. */
  readonly idempotencyMs: number;
};

/** The head of the chain that was written to, if it was. */
type HeadRow = { length: string; link: string } | { length?: null };

type PreconditionsRow = { disabled_because: string | null } & (KeyedRow | { id: null });

/** Operations in PostgreSQL. Each move commits together with its event. */
export function createPostgresOperations(options: PostgresOperationsOptions): Operations {
  const { database, history, idempotencyMs } = options;
  // In one tenant those who open wait for the same lock, and those who move for another: one connection each is
  // enough for that, whatever holds it.
  const turns = new LRUCache<string, Turns>({ max: 10_000 });
  const turnsOf = (key: string): Turns => {
    const known = turns.get(key) ?? new Turns(1);
    turns.set(key, known);
    return known;
  };
  const one = async (condition: string, values: unknown[]): Promise<StoredOperation | null> => {
    const text = `select ${storedOperation} from operations o where ${condition}`;
    const [row] = await database.query<OperationRow>(text, values);
    return row === undefined ? null : operationFrom(row);
  };

  /** In a transaction though it is one statement: where we have given up waiting for it, nobody sends the commit. */
  async function record<Row extends pg.QueryResultRow>(
    event: AuditEvent,
    statement: Statement,
    values: unknown[],
  ): Promise<Row & HeadRow> {
    const { tenantId } = event;
    try {
      const { rows } = await turnsOf(`${statement.name} ${tenantId}`).takeWithin(database.patienceMs, () =>
        database.transact((connection) => connection.query<Row & HeadRow>(statement, values)),
      );
      const row = firstRow(rows);
      if (row.length != null) {
        const head = { chain: tenantId, number: Number(row.length), link: row.link, openId: null };
        history.learn([head], [event]);
      }
      return row;
    } catch (error) {
      if (!isHistoryLost(error)) throw error;
      await history.report(database, tenantId);
      throw new CallFailed({ reason: 'history_lost' });
    }
  }

  return {
    find: (tenantId, id) => one('o.id = $2 and o.tenant_id = $1', [tenantId, id]),
    findOpen: (tenantId) => one('o.tenant_id = $1 and o.open', [tenantId]),

    async loadPreconditions({ tenantId, oid }, key) {
      const rows = await database.query<PreconditionsRow>(disconnectPreconditions, [tenantId, oid, key]);
      const first = firstRow(rows);
      const [, second] = rows;
      return {
        newest: first.id === null ? null : operationFrom(first),
        disabledBecause: first.disabled_because,
        earlier: second === undefined || second.id === null ? null : keyedFrom(second),
      };
    },

    async list({ tenantId, status, limit, cursor }) {
      const found = await database.query<OperationRow>(
        `select ${storedOperation} from operations o where o.tenant_id = $1
           and ($2::text is null or o.status = $2) and ($3::bigint is null or o.position < $3)
         order by o.position desc limit $4`,
        [tenantId, status, cursor === null ? null : positionAt(cursor), limit + 1],
      );
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const nextCursor = found.length > limit && last !== undefined ? cursorTo(last.position) : null;
      return { operations: page.map(operationFrom), nextCursor };
    },

    async findByKey({ tenantId, oid }, key) {
      const [row] = await database.query<KeyedRow>(operationByKey, [tenantId, oid, key]);
      return row === undefined ? null : keyedFrom(row);
    },

    async open(opening) {
      const { event } = opening;
      const opened = await record<OpenedRow>(event, openOperation, [
        newRow(opening),
        opening.expectedNewestId,
        opening.supersededStatus,
        opening.leaseMs,
        opening.approvalMs,
        idempotencyMs,
        eventsJson([event]),
        history.knownOf(event.tenantId),
        database.lockMs,
      ]);
      return storedOr(opened);
    },

    async move({ operation, to, leaseMs, inTime, ends, change, event }) {
      const moved = await record<MovedRow>(event, moveOperation, [
        operation.id,
        operation.status,
        to,
        leaseMs,
        inTime,
        ends,
        JSON.stringify(change),
        event.id,
        eventsJson([event]),
        history.knownOf(event.tenantId),
        database.lockMs,
      ]);
      return storedOr(moved);
    },

    async permitSending(id, { neededMs, mayBeFiled }) {
      const rows = await database.query<{ permission: 'granted' | MoveRefusal }>(permitSending, [
        id,
        'sent',
        neededMs,
        mayBeFiled,
        database.lockMs,
      ]);
      return firstRow(rows).permission;
    },

    async endUnsent({ operation, to, change, ends, event }) {
      const { id, tenantId, requestId, status } = operation;
      await record(event, endUnsentOperation, [
        id,
        tenantId,
        requestId,
        status,
        to,
        ends,
        JSON.stringify(change),
        event.id,
        eventsJson([event]),
        database.lockMs,
      ]);
    },

    async claimRead(id, everyMs) {
      return firstRow(await database.query<{ claimed: boolean }>(claimRead, [id, everyMs])).claimed;
    },

    async overdue() {
      const found = await database.query<OperationRow>(
        `select ${storedOperation} from operations o
         where o.open and least(o.lease_until, o.expires_at) <= now()`,
      );
      return found.map(operationFrom).filter(({ overdue }) => overdue);
    },

    async disabledBecause(tenantId) {
      const [row] = await database.query<{ reason: string }>(switchedOff, [tenantId]);
      return row?.reason ?? null;
    },
  };
}

type Done = 'opened' | 'moved';
type OpenedRow = { result: 'opened' | 'slot_taken' | 'disabled' };
type MovedRow = { result: 'moved' | MoveRefusal };

/** The operation where the function did what it was asked, else what it says. */
function storedOr<Refusal extends string>(row: {
  result: Refusal | Done;
}): StoredOperation | Exclude<Refusal, Done> {
  if (row.result === 'opened' || row.result === 'moved') return operationFrom(row as unknown as OperationRow);
  return row.result as Exclude<Refusal, Done>;
}

/** The row of a new operation, without what the database's own clock says. */
function newRow({ operation, key, answer }: NewOperation): string {
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
    idempotency_key: key?.key,
    idempotency_fingerprint: key?.fingerprint,
    answer: answer ?? undefined,
  });
}
