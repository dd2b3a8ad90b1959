-- Ends an operation of which nobody knew whether it is on record, if it is, still in `origin` and by the same
-- call. It waits for whatever may still be committing it: the opening holds the tenant's lock, a move the row.
create or replace function end_unsent_operation(
  operation_id uuid, tenant text, call_id uuid, origin text, target text, ends boolean, change jsonb, event_id uuid,
  events json, lock_ms integer)
returns void language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
declare
  found_operation operations;
begin
  perform prepare_recording(lock_ms);
  perform pg_advisory_xact_lock(hashtextextended(tenant, 0));
  select * into found_operation from operations o where o.id = operation_id for update;
  if found and found_operation.status = origin and found_operation.request_id = call_id then
    perform move_operation(operation_id, origin, target, 0, false, ends, change, event_id, events, null, lock_ms);
  end if;
end $$;

revoke execute on function end_unsent_operation(
  uuid, text, uuid, text, text, boolean, jsonb, uuid, json, integer) from public;
