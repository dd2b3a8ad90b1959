import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const auditTrail: Migration = { up };

/** The audit trail: one hash chain per tenant, and one (`none`) for what belongs to no tenant. Events are
 *  appended through one function and never changed; signed heads stand beside them. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table audit_chains (
      chain text primary key,
      length bigint not null,
      head bytea not null
    )`.execute(db);
  // `record` is json, not jsonb: it keeps the very text that was hashed, which is canonical (RFC 8785).
  // The other columns are there to find an event by; the verifier holds them against the record.
  await sql`
    create table audit_events (
      chain text not null,
      number bigint not null,
      id uuid not null unique,
      occurred_at timestamptz not null,
      event text not null,
      actor_oid text not null,
      operation_id uuid,
      record json not null,
      digest bytea not null,
      link bytea not null,
      primary key (chain, number)
    )`.execute(db);
  await sql`create index audit_events_by_time on audit_events (chain, occurred_at)`.execute(db);
  await sql`create index audit_events_by_actor on audit_events (chain, actor_oid, number desc)`.execute(db);
  await sql`create index audit_events_by_event on audit_events (chain, event, number desc)`.execute(db);
  await sql`
    create index audit_events_by_operation on audit_events (operation_id, number desc)
    where operation_id is not null`.execute(db);

  // `statement` is the canonical JSON that is signed: chain, number, link, time, key id.
  await sql`
    create table audit_checkpoints (
      id uuid primary key,
      chain text not null,
      number bigint not null,
      statement text not null,
      key_id text,
      signature bytea,
      made_at timestamptz not null
    )`.execute(db);
  await sql`create index audit_checkpoints_by_chain on audit_checkpoints (chain, number desc)`.execute(db);
  // What retention removed: everything up to `number`, whose link was the one in the statement.
  await sql`
    create table audit_removals (
      id uuid primary key,
      chain text not null,
      number bigint not null,
      statement text not null,
      key_id text,
      signature bytea,
      made_at timestamptz not null
    )`.execute(db);

  await appendFunction(db);
  await appendOnlyTriggers(db);
}

/** `append_audit_events(text[])`: numbers, links and stores events in one statement, so that a chain's
 *  head is locked for no longer than that. It runs as the owner, and is the only way in: the service's
 *  role may not write the tables themselves. An event that stands already is passed over. */
async function appendFunction(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function append_audit_events(bodies text[]) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
    declare
      body text;
      entry json;
      current text;
      last bigint;
      previous bytea;
      hashed bytea;
    begin
      -- By chain first, so that two batches lock the heads in the same order.
      for body in
        select b from unnest(bodies) with ordinality as t(b, n) order by b::json ->> 'tenantId', n
      loop
        entry := body::json;
        if current is distinct from entry ->> 'tenantId' then
          if current is not null then
            update audit_chains set length = last, head = previous where chain = current;
          end if;
          current := entry ->> 'tenantId';
          insert into audit_chains values (current, 0, audit_genesis(current)) on conflict do nothing;
          select length, head into strict last, previous from audit_chains where chain = current for update;
        end if;
        continue when exists (select from audit_events where id = (entry ->> 'id')::uuid);
        hashed := sha256(convert_to(body, 'UTF8'));
        last := last + 1;
        previous := sha256(previous || hashed);
        insert into audit_events values (
          current, last, (entry ->> 'id')::uuid, (entry ->> 'time')::timestamptz, entry ->> 'event',
          entry -> 'actor' ->> 'oid', (entry ->> 'operationId')::uuid, entry, hashed, previous);
      end loop;
      if current is not null then
        update audit_chains set length = last, head = previous where chain = current;
      end if;
    end $$`.execute(db);
  await sql`
    create function audit_genesis(chain text) returns bytea language sql immutable as $$
      select sha256(convert_to('chromeos-connector-bff audit chain ' || chain, 'UTF8'))
    $$`.execute(db);
  await sql`revoke execute on function append_audit_events(text[]) from public`.execute(db);
}

async function appendOnlyTriggers(db: Kysely<unknown>): Promise<void> {
  // Retention is the one exception: the tables' owner, who says so in the same transaction, may delete
  // events and their checkpoints.
  await sql`
    create function refuse_change() returns trigger language plpgsql set search_path = public, pg_temp as $$
    begin
      if tg_op = 'DELETE' and tg_table_name in ('audit_events', 'audit_checkpoints')
        and current_setting('chromeos_bff.retention', true) = 'on'
        and current_user = (select tableowner from pg_tables where schemaname = tg_table_schema and tablename = tg_table_name)
      then
        return null;
      end if;
      raise exception '% of % is refused: it is append-only', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
    end $$`.execute(db);
  for (const table of ['audit_events', 'audit_checkpoints', 'audit_removals']) {
    await sql`
      create trigger ${sql.id(`${table}_append_only`)}
      before update or delete or truncate on ${sql.table(table)}
      for each statement execute function refuse_change()`.execute(db);
  }
  await sql`
    create function check_chain_growth() returns trigger language plpgsql as $$
    begin
      if new.chain <> old.chain or new.length < old.length then
        raise exception 'an audit chain only grows' using errcode = 'insufficient_privilege';
      end if;
      return new;
    end $$`.execute(db);
  await sql`
    create trigger audit_chains_grow before update on audit_chains
    for each row execute function check_chain_growth()`.execute(db);
  await sql`
    create trigger audit_chains_stay before delete or truncate on audit_chains
    for each statement execute function refuse_change()`.execute(db);
}
