import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

export const movesInOneStatement: Migration = { up };

/** `open_operation` and `move_operation`: what takes the slot, and each move, in one statement with its event.
 *  A statement of its own for each step cost a disconnect ten round trips, most of them while it held the
 *  tenant's lock. They run with the caller's own rights. */
async function up(db: Kysely<unknown>): Promise<void> {
  // Gives opened, slot_taken or disabled. `wish` has the columns of the new row.
  await sql`
    create function open_operation(wish jsonb, after_id uuid, lease_ms bigint, key_ms bigint, events json)
    returns text language plpgsql set search_path = public, pg_temp as $$
    declare
      added operations := jsonb_populate_record(null::operations, wish);
    begin
      -- One opening at a time in a tenant, so that nothing comes and goes between this look and the insert.
      perform pg_advisory_xact_lock(hashtextextended(added.tenant_id, 0));
      -- A repetition because nobody knew whether the first was committed: it was.
      if exists (select from operations where id = added.id) then
        return 'opened';
      end if;
      if after_id is distinct from
        (select id from operations where tenant_id = added.tenant_id order by position desc limit 1)
      then
        return 'slot_taken';
      end if;
      if exists (
        select from (
          select distinct on (tenant_id) enabled from disconnect_switches
          where tenant_id in (added.tenant_id, '*') order by tenant_id, position desc
        ) latest where not enabled
      ) then
        return 'disabled';
      end if;
      if added.supersedes is not null then
        update operations set superseded_by = added.id
        where id = added.supersedes and tenant_id = added.tenant_id
          and status in ('unknown', 'accepted') and superseded_by is null;
        if not found then
          return 'slot_taken';
        end if;
      end if;
      if added.idempotency_key is not null then
        update operations set idempotency_key = null
        where tenant_id = added.tenant_id and requester_oid = added.requester_oid
          and idempotency_key = added.idempotency_key and idempotency_expires_at <= now();
      end if;
      insert into operations (
        id, tenant_id, status, requester_oid, requester_name, requester_client_id, reason, ticket,
        connection_id, connection, request_id, supersedes, requested_at, sent_at, moved_at, expires_at,
        idempotency_key, idempotency_fingerprint, idempotency_expires_at, answer, lease_until)
      values (
        added.id, added.tenant_id, added.status, added.requester_oid, added.requester_name, added.requester_client_id,
        added.reason, added.ticket, added.connection_id, added.connection, added.request_id, added.supersedes,
        added.requested_at, added.sent_at, added.moved_at, added.expires_at, added.idempotency_key,
        added.idempotency_fingerprint, now() + key_ms * interval '1 millisecond', added.answer,
        now() + lease_ms * interval '1 millisecond')
      on conflict do nothing;
      if not found then
        -- The key belongs to another. Nobody has seen the superseding yet.
        update operations set superseded_by = null where id = added.supersedes and superseded_by = added.id;
        return 'slot_taken';
      end if;
      if added.status = 'requested' then
        update operations set status = 'sent' where id = added.id;
      end if;
      perform record_audit_events(events);
      return 'opened';
    end $$`.execute(db);

  // Gives the operation as it stands after the move, or nothing where it no longer stood at the origin.
  await sql`
    create function move_operation(
      operation_id uuid, origin text, target text, at timestamptz, lease_ms bigint, change jsonb,
      event_id uuid, events json)
    returns setof operations language plpgsql set search_path = public, pg_temp as $$
    declare
      moved operations;
    begin
      -- A repetition because nobody knew whether the first was committed: it was.
      if exists (select from audit_events where id = event_id) then
        return query select * from operations where id = operation_id;
        return;
      end if;
      -- Sending takes the slot's lease and passes through requested, as every sending does.
      if origin = 'approved' and target = 'sent' then
        update operations set status = 'requested' where id = operation_id and status = 'approved';
        if not found then
          return;
        end if;
      end if;
      update operations set
        status = target, moved_at = at,
        sent_at = case when target = 'sent' then at else sent_at end,
        lease_until = case when target = 'sent' then now() + lease_ms * interval '1 millisecond' else lease_until end,
        request_id = coalesce((change ->> 'requestId')::uuid, request_id),
        graph_request_id = coalesce(change ->> 'graphRequestId', graph_request_id),
        value = coalesce(change ->> 'value', value),
        concluded_from = coalesce(change ->> 'concludedFrom', concluded_from),
        explanation = coalesce(change ->> 'explanation', explanation),
        approval = coalesce(nullif(change -> 'approval', 'null'), approval),
        connection = coalesce(nullif(change -> 'connection', 'null'), connection),
        took_ms = coalesce((change ->> 'tookMs')::bigint, took_ms),
        answer = case when change ? 'answer' then nullif(change -> 'answer', 'null') else answer end,
        idempotency_key = case when change -> 'answer' = 'null' then null else idempotency_key end
      where id = operation_id and superseded_by is null
        and status = case when target = 'sent' then 'requested' else origin end
      returning * into moved;
      if not found then
        return;
      end if;
      perform record_audit_events(events);
      return next moved;
    end $$`.execute(db);

  for (const signature of [
    'open_operation(jsonb, uuid, bigint, bigint, json)',
    'move_operation(uuid, text, text, timestamptz, bigint, jsonb, uuid, json)',
  ]) {
    await sql`revoke execute on function ${sql.raw(signature)} from public`.execute(db);
  }
}
