-- Has receivers told of what the caller's transaction does, once that is committed; a repetition changes nothing.
-- Where it cannot be written that is counted, and what the caller does stands: for this it waits for no lock, and
-- takes nothing back but itself.
create or replace function queue_notification(event_id uuid, kind text, of_tenant text, more jsonb default null)
returns void language plpgsql set search_path = public, pg_temp set lock_timeout = '100ms' as $$
begin
  insert into notifications (id, type, tenant_id, detail)
  values (event_id, 'chromeos-connector-bff.' || kind, of_tenant, more)
  on conflict (id) do nothing;
exception when others then
  begin
    raise warning 'a notification could not be queued: %', sqlerrm;
    perform nextval('notifications_not_queued');
  exception when others then
    null;
  end;
end $$;

revoke execute on function queue_notification(uuid, text, text, jsonb) from public;
