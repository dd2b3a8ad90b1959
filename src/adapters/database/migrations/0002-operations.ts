import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const operations: Migration = { up };

// The same table as `moves` in core/operation/operation.ts; a test holds the two together. `start` is
// where an operation begins.
const moves = [
  ['start', 'awaiting_approval'],
  ['start', 'requested'],
  ['awaiting_approval', 'approved'],
  ['awaiting_approval', 'rejected'],
  ['awaiting_approval', 'expired'],
  ['approved', 'requested'],
  ['approved', 'expired'],
  ['requested', 'sent'],
  ['requested', 'failed'],
  ['sent', 'accepted'],
  ['sent', 'failed'],
  ['sent', 'unknown'],
  ['accepted', 'completed'],
  ['accepted', 'failed'],
  ['unknown', 'accepted'],
  ['unknown', 'completed'],
  ['unknown', 'failed'],
];

/** Disconnects and their lives; the switch that turns disconnecting off. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table operation_moves (
      from_status text not null,
      to_status text not null,
      primary key (from_status, to_status)
    )`.execute(db);
  for (const [from, to] of moves) {
    await sql`insert into operation_moves values (${from}, ${to})`.execute(db);
  }

  await sql`
    create table operations (
      id uuid primary key,
      position bigint generated always as identity unique,
      tenant_id text not null,
      status text not null,
      requester_oid text not null,
      requester_name text,
      requester_client_id text not null,
      reason text,
      ticket text,
      connection_id text not null,
      connection jsonb not null,
      request_id uuid not null,
      graph_request_id text,
      value text,
      concluded_from text,
      explanation text,
      approval jsonb,
      supersedes uuid,
      superseded_by uuid,
      requested_at timestamptz not null,
      sent_at timestamptz,
      moved_at timestamptz not null,
      expires_at timestamptz,
      took_ms bigint,
      lease_until timestamptz,
      read_at timestamptz,
      idempotency_key text,
      idempotency_fingerprint text,
      idempotency_expires_at timestamptz,
      answer jsonb
    )`.execute(db);
  await sql`
    create unique index operations_one_open_per_tenant on operations (tenant_id)
    where superseded_by is null
      and status in ('awaiting_approval', 'approved', 'requested', 'sent', 'accepted', 'unknown')`.execute(
    db,
  );
  await sql`
    create unique index operations_by_idempotency_key on operations (tenant_id, requester_oid, idempotency_key)
    where idempotency_key is not null`.execute(db);
  await sql`create index operations_by_tenant on operations (tenant_id, position desc)`.execute(db);
  await sql`
    create index operations_with_a_deadline on operations (status)
    where status in ('sent', 'awaiting_approval', 'approved')`.execute(db);

  await sql`
    create function check_operation_move() returns trigger language plpgsql as $$
    declare
      origin text := case tg_op when 'INSERT' then 'start' else old.status end;
    begin
      if tg_op = 'UPDATE' then
        if old.id <> new.id or old.tenant_id <> new.tenant_id or old.requester_oid <> new.requester_oid then
          raise exception 'an operation keeps its id, tenant and requester' using errcode = 'check_violation';
        end if;
        if old.status = new.status then
          return new;
        end if;
      end if;
      if not exists (select from operation_moves where from_status = origin and to_status = new.status) then
        raise exception 'an operation does not move from % to %', origin, new.status
          using errcode = 'check_violation';
      end if;
      return new;
    end $$`.execute(db);
  await sql`
    create trigger operations_move_as_allowed before insert or update on operations
    for each row execute function check_operation_move()`.execute(db);
  await sql`
    create trigger operations_stay before delete or truncate on operations
    for each statement execute function refuse_change()`.execute(db);

  await sql`
    create table disconnect_switches (
      id uuid primary key,
      position bigint generated always as identity unique,
      tenant_id text not null,
      enabled boolean not null,
      reason text not null,
      changed_by text not null,
      changed_at timestamptz not null
    )`.execute(db);
  await sql`create index disconnect_switches_by_tenant on disconnect_switches (tenant_id, position desc)`.execute(
    db,
  );
  await sql`
    create trigger disconnect_switches_append_only
    before update or delete or truncate on disconnect_switches
    for each statement execute function refuse_change()`.execute(db);
}
