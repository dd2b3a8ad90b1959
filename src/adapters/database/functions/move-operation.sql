-- Moves an operation that still has the status the core saw (`origin`), together with its event. Gives the
-- operation as it is after the move, or nothing where it has another status by now. Whether the move is allowed
-- is for the core to say; the trigger check_operation_move refuses what is in no table.
create or replace function move_operation(
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
  where id = operation_id and superseded_by is null and status = origin
  returning * into moved;
  if not found then
    return;
  end if;
  perform record_audit_events(events);
  return next moved;
end $$;

revoke execute on function move_operation(uuid, text, text, timestamptz, bigint, jsonb, uuid, json) from public;
