import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The audit trail: rows are added and read, never changed or removed. */
export const auditEvents: Migration = { up };

async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table audit_events (
      id uuid primary key,
      position bigint generated always as identity unique,
      occurred_at timestamptz not null,
      tenant_id text not null,
      event text not null,
      actor_oid text not null,
      operation_id uuid,
      record jsonb not null
    )`.execute(db);
  await sql`create index audit_events_by_tenant on audit_events (tenant_id, position desc)`.execute(db);
  await sql`create index audit_events_by_actor on audit_events (tenant_id, actor_oid, position desc)`.execute(
    db,
  );
  await sql`
    create index audit_events_by_operation on audit_events (operation_id, position desc)
    where operation_id is not null`.execute(db);

  await sql`
    create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception '% of % is refused: the audit trail is append-only', tg_op, tg_table_name
        using errcode = 'insufficient_privilege';
    end $$`.execute(db);
  await sql`
    create trigger audit_events_append_only
    before update or delete or truncate on audit_events
    for each statement execute function refuse_change()`.execute(db);
}
