import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const recordAuditEvents: Migration = { up };

/** `record_audit_events(json)`: the one way into the trail, which also tells what is open in the tenants it
 *  wrote for, so that a read needs no statement of its own for that. It takes the events as one JSON array,
 *  whose elements PostgreSQL keeps to the letter, and takes each apart once. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function record_audit_events(events json) returns setof operations
    language plpgsql security definer set search_path = public, pg_temp as $$
    declare
      entry record;
      tenants text[] := '{}';
      current text;
      last bigint;
      previous bytea;
      digest bytea;
    begin
      -- By chain first, so that two batches lock the heads in the same order.
      for entry in
        select body, fields.* from json_array_elements(events) with ordinality as listed (body, n),
          json_to_record(body) as fields (
            "tenantId" text, id uuid, "time" timestamptz, event text, actor json, "operationId" uuid)
        order by fields."tenantId", n
      loop
        if current is distinct from entry."tenantId" then
          if current is not null then
            update audit_chains set length = last, head = previous where chain = current;
          end if;
          current := entry."tenantId";
          tenants := tenants || current;
          select length, head into last, previous from audit_chains where chain = current for update;
          if not found then
            insert into audit_chains values (current, 0, audit_genesis(current)) on conflict do nothing;
            select length, head into strict last, previous from audit_chains where chain = current for update;
          end if;
        end if;
        -- Only now, with the head in our hands: whoever wrote the same event has committed or gone.
        continue when exists (select from audit_events where id = entry.id);
        digest := sha256(convert_to(entry.body::text, 'UTF8'));
        last := last + 1;
        previous := sha256(previous || digest);
        insert into audit_events values (
          current, last, entry.id, entry."time", entry.event,
          entry.actor ->> 'oid', entry."operationId", entry.body, digest, previous);
      end loop;
      if current is not null then
        update audit_chains set length = last, head = previous where chain = current;
      end if;
      return query select * from operations where tenant_id = any(tenants) and superseded_by is null
        and status in ('awaiting_approval', 'approved', 'requested', 'sent', 'accepted', 'unknown');
    end $$`.execute(db);
  await sql`revoke execute on function record_audit_events(json) from public`.execute(db);
  // For pods of the release before this one. To be dropped with the next.
  await sql`
    create or replace function append_audit_events(bodies text[]) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
    begin
      perform record_audit_events(('[' || array_to_string(bodies, ',') || ']')::json);
    end $$`.execute(db);
}
