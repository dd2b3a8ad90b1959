-- Takes the tenant's slot with a new operation, together with its first event. `wanted` has the columns of the
-- new row; its times are this database's. It compares what the core saw with what is there, and judges nothing:
-- `slot_taken` where the newest operation is another than `expected_newest_id`, where the superseded one has
-- another status than `superseded_status`, or where the idempotency key is another's; `disabled` where
-- disconnecting was switched off meanwhile; else `opened`, with the operation. Raises BF001 where the trail has lost
-- what the caller knows of it (`known`).
create or replace function open_operation(
  wanted jsonb, expected_newest_id uuid, superseded_status text, lease_ms bigint, approval_ms bigint,
  key_ms bigint, events json, known jsonb, lock_ms integer)
returns table (result text, operation operations)
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
declare
  added operations := jsonb_populate_record(null::operations, wanted);
  opened_at timestamptz;
begin
  perform prepare_recording(lock_ms);
  perform require_event(events, added.id);
  -- One opening at a time in a tenant, so that nothing comes and goes between this look and the insert.
  perform pg_advisory_xact_lock(hashtextextended(added.tenant_id, 0));
  -- A repetition because nobody knew whether the first was committed: it was, here. To record again adds nothing,
  -- but makes this commit wait for the standbys that the first perhaps had not waited for.
  if exists (select from operations o where o.id = added.id) then
    perform record_audit_events(events, lock_ms);
    return query select 'opened', o from operations o where o.id = added.id;
    return;
  end if;
  perform require_history(added.tenant_id, known);
  if expected_newest_id is distinct from
    (select o.id from operations o where o.tenant_id = added.tenant_id order by o.position desc limit 1)
  then
    return query select 'slot_taken', null::operations;
    return;
  end if;
  if disconnect_switched_off(added.tenant_id) then
    return query select 'disabled', null::operations;
    return;
  end if;
  if added.supersedes is not null then
    update operations o set superseded_by = added.id
    where o.id = added.supersedes and o.tenant_id = added.tenant_id
      and o.status = superseded_status and o.superseded_by is null;
    if not found then
      return query select 'slot_taken', null::operations;
      return;
    end if;
  end if;
  if added.idempotency_key is not null then
    update operations o set idempotency_key = null
    where o.tenant_id = added.tenant_id and o.requester_oid = added.requester_oid
      and o.idempotency_key = added.idempotency_key and o.idempotency_expires_at <= now();
  end if;
  opened_at := date_trunc('milliseconds', clock_timestamp());
  insert into operations as o (
    id, tenant_id, status, requester_oid, requester_name, requester_client_id, reason, ticket,
    connection_id, connection, request_id, supersedes, requested_at, sent_at, moved_at, expires_at,
    idempotency_key, idempotency_fingerprint, idempotency_expires_at, answer, lease_until)
  values (
    added.id, added.tenant_id, added.status, added.requester_oid, added.requester_name, added.requester_client_id,
    added.reason, added.ticket, added.connection_id, added.connection, added.request_id, added.supersedes,
    opened_at, case when lease_ms > 0 then opened_at end, opened_at,
    opened_at + approval_ms * interval '1 millisecond', added.idempotency_key,
    added.idempotency_fingerprint, opened_at + key_ms * interval '1 millisecond', added.answer,
    case when lease_ms > 0 then opened_at + lease_ms * interval '1 millisecond' end)
  on conflict do nothing
  returning * into added;
  if not found then
    -- The key belongs to another. Nobody has seen the superseding yet.
    update operations o set superseded_by = null
    where o.id = (wanted ->> 'supersedes')::uuid and o.superseded_by = (wanted ->> 'id')::uuid;
    return query select 'slot_taken', null::operations;
    return;
  end if;
  perform record_audit_events(events, lock_ms);
  perform queue_notification((events -> 0 ->> 'id')::uuid, 'operation.' || added.status, added.tenant_id);
  return query select 'opened', added;
end $$;

revoke execute on function open_operation(jsonb, uuid, text, bigint, bigint, bigint, json, jsonb, integer)
  from public;
