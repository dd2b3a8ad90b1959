import type pg from 'pg';
import type { KeptAnswer, Operation } from '../../core/operations/operation.ts';
import type { NewOperation, Operations } from '../../core/ports.ts';
import { appendEvents, type Queryable } from './audit-rows.ts';
import { cursorTo, positionAt } from './cursor.ts';
import type { Database } from './database.ts';
import { type KeyedRow, keyedFrom, type OperationRow, operationFrom } from './operation-row.ts';

export type PostgresOperationsOptions = {
  readonly database: Database;
  /** How long an idempotency key is kept, in milliseconds. */
  readonly idempotencyMs: number;
};

const open = `superseded_by is null
  and status in ('awaiting_approval', 'approved', 'requested', 'sent', 'accepted', 'unknown')`;

// The newest word for the tenant or for all: `off` from either side counts.
const switchedOff = `
  select reason from (
    select distinct on (tenant_id) enabled, reason, position from disconnect_switches
    where tenant_id in ($1, '*') order by tenant_id, position desc
  ) latest where not enabled order by position desc limit 1`;

const byKey = `o.tenant_id = $1 and o.requester_oid = $2 and o.idempotency_key = $3
  and o.idempotency_expires_at > now()`;

// One row about the newest, whether there is one or not; then the one of the key, if there is one.
const standing = `
  select (${switchedOff}) as disabled_because, o.* from (select) always left join (
    select * from operations where tenant_id = $1 order by position desc limit 1
  ) o on true
  union all select null, o.* from operations o where ${byKey}`;

type StandingRow = { disabled_because: string | null } & (KeyedRow | { id: null });

/** Operations in PostgreSQL. Each move commits together with its event. */
export function createPostgresOperations({ database, idempotencyMs }: PostgresOperationsOptions): Operations {
  // A statement with a name is parsed and planned once for each connection.
  const rows = <Row extends pg.QueryResultRow>(
    text: string,
    values: unknown[],
    name?: string,
  ): Promise<Row[]> =>
    database.run(
      async (client) => (await client.query<Row>({ text, values, ...(name !== undefined && { name }) })).rows,
    );
  const one = async (text: string, values: unknown[]): Promise<Operation | null> => {
    const [row] = await rows<OperationRow>(text, values);
    return row === undefined ? null : operationFrom(row);
  };

  return {
    find: (tenantId, id) => one('select * from operations where id = $2 and tenant_id = $1', [tenantId, id]),
    findOpen: (tenantId) => one(`select * from operations where tenant_id = $1 and ${open}`, [tenantId]),

    async standing({ tenantId, oid }, key) {
      const [first, second] = await rows<StandingRow>(standing, [tenantId, oid, key], 'standing');
      return {
        newest: first === undefined || first.id === null ? null : operationFrom(first),
        disabledBecause: first?.disabled_because ?? null,
        earlier: second === undefined || second.id === null ? null : keyedFrom(second),
      };
    },

    async list({ tenantId, status, limit, cursor }) {
      const found = await rows<OperationRow>(
        `select * from operations where tenant_id = $1
           and ($2::text is null or status = $2) and ($3::bigint is null or position < $3)
         order by position desc limit $4`,
        [tenantId, status, cursor === null ? null : positionAt(cursor), limit + 1],
      );
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const nextCursor = found.length > limit && last !== undefined ? cursorTo(last.position) : null;
      return { operations: page.map(operationFrom), nextCursor };
    },

    async findByKey(tenantId, oid, key) {
      const [row] = await rows<KeyedRow>(
        `select * from operations o where ${byKey}`,
        [tenantId, oid, key],
        'operation-by-key',
      );
      return row === undefined ? null : keyedFrom(row);
    },

    open: (opening, event) =>
      database.transact(async (client) => {
        const { operation } = opening;
        // One opening at a time in a tenant, so that nothing comes and goes between this look and the insert.
        await client.query({
          name: 'lock-tenant',
          text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
          values: [operation.tenantId],
        });
        const found = await client.query<{ newest: string | null; known: boolean; off: string | null }>({
          name: 'before-opening',
          text: `select (select id from operations where tenant_id = $1 order by position desc limit 1) as newest,
                   exists (select from operations where id = $2) as known, (${switchedOff}) as off`,
          values: [operation.tenantId, operation.id],
        });
        const { newest, known, off } = found.rows[0] ?? { newest: null, known: false, off: null };
        // A repetition because nobody knew whether the first was committed: it was.
        if (known) return 'opened';
        if (newest !== opening.after) return 'slot_taken';
        if (off !== null) return 'disabled';
        if (operation.supersedes !== null) await client.query('savepoint before_superseding');
        if (!(await supersede(client, operation))) return 'slot_taken';
        if (!(await insert(client, opening, idempotencyMs))) {
          if (operation.supersedes !== null) await client.query('rollback to savepoint before_superseding');
          return 'slot_taken';
        }
        await appendEvents(client, [event]);
        return 'opened';
      }),

    move: (operation, to, change, event, leaseMs = 0) =>
      database.transact(async (client) => {
        const again = await client.query({
          name: 'event-again',
          text: 'select from audit_events where id = $1',
          values: [event.id],
        });
        if (again.rows.length > 0) {
          const now = await client.query<OperationRow>('select * from operations where id = $1', [
            operation.id,
          ]);
          return now.rows[0] === undefined ? null : operationFrom(now.rows[0]);
        }
        // Sending takes the slot's lease and passes through `requested`, as every sending does.
        const from = to === 'sent' ? 'requested' : operation.status;
        if (operation.status === 'approved' && to === 'sent') {
          const taken = await client.query(
            "update operations set status = 'requested' where id = $1 and status = 'approved'",
            [operation.id],
          );
          if (taken.rowCount === 0) return null;
        }
        const moved = await client.query<OperationRow>({
          name: 'move-operation',
          text: `update operations set
             status = $3, moved_at = $4,
             sent_at = case when $3 = 'sent' then $4 else sent_at end,
             lease_until = case when $3 = 'sent' then now() + $5 * interval '1 millisecond' else lease_until end,
             request_id = coalesce($6, request_id),
             graph_request_id = coalesce($7, graph_request_id),
             value = coalesce($8, value),
             concluded_from = coalesce($9, concluded_from),
             explanation = coalesce($10, explanation),
             approval = coalesce($11, approval),
             connection = coalesce($12, connection),
             took_ms = coalesce($13, took_ms),
             answer = case when $14 then $15::jsonb else answer end,
             idempotency_key = case when $14 and $15::jsonb is null then null else idempotency_key end
           where id = $1 and status = $2 and superseded_by is null returning *`,
          values: [
            operation.id,
            from,
            to,
            event.time,
            leaseMs,
            change.requestId ?? null,
            change.graphRequestId ?? null,
            change.value ?? null,
            change.concludedFrom ?? null,
            change.explanation ?? null,
            json(change.approval),
            json(change.connection),
            change.tookMs ?? null,
            change.answer !== undefined,
            json(change.answer),
          ],
        });
        const [row] = moved.rows;
        if (row === undefined) return null;
        await appendEvents(client, [event]);
        return operationFrom(row);
      }),

    async claimRead(id, everyMs) {
      const claimed = await rows(
        `update operations set read_at = now()
         where id = $1 and (read_at is null or read_at <= now() - $2 * interval '1 millisecond') returning id`,
        [id, everyMs],
      );
      return claimed.length > 0;
    },

    async overdue() {
      const found = await rows<OperationRow>(
        `select * from operations where (status = 'sent' and lease_until < now())
           or (status in ('awaiting_approval', 'approved') and expires_at < now())`,
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

/** Takes the slot from the operation of unknown end; false where it no longer stands so. */
async function supersede(client: Queryable, { id, tenantId, supersedes }: Operation): Promise<boolean> {
  if (supersedes === null) return true;
  const taken = await client.query(
    `update operations set superseded_by = $1
     where id = $2 and tenant_id = $3 and status in ('unknown', 'accepted') and superseded_by is null`,
    [id, supersedes, tenantId],
  );
  return taken.rowCount === 1;
}

/** False where the slot, or the idempotency key, belongs to another. */
async function insert(
  client: Queryable,
  { operation, key, leaseMs }: NewOperation,
  idempotencyMs: number,
): Promise<boolean> {
  const sends = operation.status === 'sent';
  if (key !== null) {
    await client.query(
      `update operations set idempotency_key = null where tenant_id = $1 and requester_oid = $2
         and idempotency_key = $3 and idempotency_expires_at <= now()`,
      [operation.tenantId, operation.requester.oid, key.key],
    );
  }
  const inserted = await client.query({
    name: 'insert-operation',
    text: `insert into operations (
       id, tenant_id, status, requester_oid, requester_name, requester_client_id, reason, ticket,
       connection_id, connection, request_id, supersedes, requested_at, sent_at, moved_at, expires_at,
       idempotency_key, idempotency_fingerprint, idempotency_expires_at, answer, lease_until)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
       now() + $19 * interval '1 millisecond', $20, now() + $21 * interval '1 millisecond')
     on conflict do nothing`,
    values: [
      operation.id,
      operation.tenantId,
      sends ? 'requested' : operation.status,
      operation.requester.oid,
      operation.requester.name,
      operation.requester.clientId,
      operation.reason,
      operation.ticket,
      operation.connection.id,
      JSON.stringify(operation.connection),
      operation.requestId,
      operation.supersedes,
      operation.requestedAt,
      operation.sentAt,
      operation.movedAt,
      operation.expiresAt,
      key?.key ?? null,
      key?.fingerprint ?? null,
      idempotencyMs,
      // A wish for an approval is answered already.
      sends ? null : JSON.stringify(wishAnswer(operation)),
      leaseMs,
    ],
  });
  if (inserted.rowCount === 0) return false;
  if (sends) {
    await client.query({
      name: 'operation-sent',
      text: "update operations set status = 'sent' where id = $1",
      values: [operation.id],
    });
  }
  return true;
}

function wishAnswer({ requestId }: Operation): KeptAnswer {
  return { outcome: 'awaiting_approval', value: null, cause: null, concludedFrom: null, requestId };
}

function json(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
