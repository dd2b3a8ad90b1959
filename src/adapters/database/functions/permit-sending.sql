-- Whether an operation in `sending_status` may be sent now, by this database's clock: `granted`; or
-- `moved_already` where it has another status, or the sender's lease does not last `needed_ms` longer;
-- `too_late` where the time for approval has ended; `disabled` where disconnecting was switched off. Where Intune may
-- file a request for approval of what is sent (`may_be_filed`), that is on the operation together with the permission.
create or replace function permit_sending(
  operation_id uuid, sending_status text, needed_ms bigint, may_be_filed boolean, lock_ms integer)
returns text language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
declare
  permission text;
begin
  select case
      when o.status <> sending_status or o.superseded_by is not null
        or o.lease_until <= clock_timestamp() + needed_ms * interval '1 millisecond' then 'moved_already'
      when o.expires_at <= clock_timestamp() then 'too_late'
      when disconnect_switched_off(o.tenant_id) then 'disabled'
      else 'granted'
    end
    into permission from operations o where o.id = operation_id;
  if permission = 'granted' and may_be_filed then
    perform prepare_recording(lock_ms);
    update operations o set may_be_filed = true where o.id = operation_id and o.status = sending_status;
    if not found then
      return 'moved_already';
    end if;
  end if;
  return coalesce(permission, 'moved_already');
end $$;

revoke execute on function permit_sending(uuid, text, bigint, boolean, integer) from public;
