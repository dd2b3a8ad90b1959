-- Turns disconnecting off or on, together with the event. `change` has the columns of the new row.
create or replace function switch_disconnect(change jsonb, events json, lock_ms integer) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  added disconnect_switches := jsonb_populate_record(null::disconnect_switches, change);
begin
  if json_array_length(events) = 0 then
    raise exception 'a change of the switch needs its event' using errcode = 'check_violation';
  end if;
  perform record_audit_events(events, lock_ms);
  insert into disconnect_switches (id, tenant_id, enabled, reason, changed_by, changed_at)
  values (added.id, added.tenant_id, added.enabled, added.reason, added.changed_by, added.changed_at)
  on conflict (id) do nothing;
  perform queue_notification(
    (events -> 0 ->> 'id')::uuid, case when added.enabled then 'switch.on' else 'switch.off' end, added.tenant_id);
end $$;

revoke execute on function switch_disconnect(jsonb, json, integer) from public;
