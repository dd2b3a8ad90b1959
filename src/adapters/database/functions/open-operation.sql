-- Takes the tenant's slot with a new operation, together with its first event. `wanted` has the columns of the
-- new row. It compares what the core saw with what is there, and judges nothing: `slot_taken` where the newest
-- operation is another than `expected_newest_id`, where the superseded one has another status than
-- `superseded_status`, or where the idempotency key is another's; `disabled` where disconnecting was switched
-- off meanwhile; else `opened`.
create or replace function open_operation(
  wanted jsonb, expected_newest_id uuid, superseded_status text, lease_ms bigint, key_ms bigint, events json)
returns text language plpgsql set search_path = public, pg_temp as $$
declare
  added operations := jsonb_populate_record(null::operations, wanted);
begin
  -- One opening at a time in a tenant, so that nothing comes and goes between this look and the insert.
  perform pg_advisory_xact_lock(hashtextextended(added.tenant_id, 0));
  -- A repetition because nobody knew whether the first was committed: it was.
  if exists (select from operations where id = added.id) then
    return 'opened';
  end if;
  if expected_newest_id is distinct from
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
      and status = superseded_status and superseded_by is null;
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
  perform record_audit_events(events);
  return 'opened';
end $$;

revoke execute on function open_operation(jsonb, uuid, text, bigint, bigint, json) from public;
