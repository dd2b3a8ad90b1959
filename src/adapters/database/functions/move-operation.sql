-- Moves an operation that still has the status the core saw (`origin`), together with its event. Gives `moved`
-- and the operation as it is then; or why it did not move: `moved_already` where it has another status by now,
-- `too_late` where it must be in time and the time for approval has ended, `disabled` where it is to be sent (it
-- takes a lease) and disconnecting was switched off. Whether the move is allowed is for the core to say; the
-- trigger check_operation_move refuses what is in no table. Raises BF001 where it is to be sent and the trail has
-- lost what the caller knows of it (`known`).
create or replace function move_operation(
  operation_id uuid, origin text, target text, lease_ms bigint, must_be_in_time boolean, ends boolean,
  change jsonb, event_id uuid, events json, known jsonb, lock_ms integer)
returns table (result text, operation operations)
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
declare
  moved operations;
  moved_at_time timestamptz;
begin
  perform prepare_recording(lock_ms);
  perform require_event(events, operation_id);
  -- A repetition because nobody knew whether the first was committed: it was, here. To record again adds nothing,
  -- but makes this commit wait for the standbys that the first perhaps had not waited for.
  if exists (select from audit_events e where e.id = event_id) then
    perform record_audit_events(events, lock_ms);
    return query select 'moved', o from operations o where o.id = operation_id;
    return;
  end if;
  select * into moved from operations o where o.id = operation_id for update;
  if not found or moved.status <> origin or moved.superseded_by is not null then
    return query select 'moved_already', null::operations;
    return;
  end if;
  moved_at_time := date_trunc('milliseconds', clock_timestamp());
  if must_be_in_time and moved.expires_at <= moved_at_time then
    return query select 'too_late', null::operations;
    return;
  end if;
  if lease_ms > 0 and disconnect_switched_off(moved.tenant_id) then
    return query select 'disabled', null::operations;
    return;
  end if;
  if lease_ms > 0 then
    perform require_history(moved.tenant_id, known);
  end if;
  update operations o set
    status = target, moved_at = moved_at_time,
    sent_at = case when lease_ms > 0 then moved_at_time else o.sent_at end,
    lease_until =
      case when lease_ms > 0 then moved_at_time + lease_ms * interval '1 millisecond' else o.lease_until end,
    took_ms = case when ends then extract(epoch from moved_at_time - o.sent_at) * 1000 else o.took_ms end,
    request_id = coalesce((change ->> 'requestId')::uuid, o.request_id),
    -- What is sent anew begins with nothing concluded.
    graph_request_id = coalesce(change ->> 'graphRequestId', case when lease_ms > 0 then null else o.graph_request_id end),
    value = coalesce(change ->> 'value', case when lease_ms > 0 then null else o.value end),
    concluded_from = coalesce(change ->> 'concludedFrom', case when lease_ms > 0 then null else o.concluded_from end),
    explanation = coalesce(change ->> 'explanation', case when lease_ms > 0 then null else o.explanation end),
    approval = case
      when change ? 'approval' then change -> 'approval' || jsonb_build_object(
        'at', to_char(moved_at_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      else o.approval end,
    intune_approval = case
      when change ? 'intuneApproval' then jsonb_build_object(
        'code', change #> '{intuneApproval,code}',
        'filedAt', to_char(moved_at_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      else o.intune_approval end,
    may_be_filed = o.may_be_filed or change ? 'intuneApproval',
    expires_at = case
      when change ? 'intuneApproval'
        then moved_at_time + (change #>> '{intuneApproval,expiresInMs}')::bigint * interval '1 millisecond'
      else o.expires_at end,
    connection = coalesce(nullif(change -> 'connection', 'null'), o.connection),
    answer = case when change ? 'answer' then nullif(change -> 'answer', 'null') else o.answer end,
    idempotency_key = case when change -> 'answer' = 'null' then null else o.idempotency_key end
  where o.id = operation_id
  returning * into moved;
  perform record_audit_events(events, lock_ms);
  perform queue_notification(event_id, 'operation.' || target, moved.tenant_id);
  return query select 'moved', moved;
end $$;

revoke execute on function move_operation(
  uuid, text, text, bigint, boolean, boolean, jsonb, uuid, json, jsonb, integer) from public;
