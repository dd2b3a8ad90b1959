-- Whether an operation in `sending_status` may be sent now, by this database's clock: `granted`; or
-- `moved_already` where it has another status, or the sender's lease does not last `needed_ms` longer;
-- `too_late` where the time for approval has ended; `disabled` where disconnecting was switched off.
create or replace function permit_sending(operation_id uuid, sending_status text, needed_ms bigint) returns text
language sql set search_path = public, pg_temp set enable_seqscan = off as $$
  select coalesce(
    (select case
        when o.status <> sending_status or o.superseded_by is not null
          or o.lease_until <= clock_timestamp() + needed_ms * interval '1 millisecond' then 'moved_already'
        when o.expires_at <= clock_timestamp() then 'too_late'
        when disconnect_switched_off(o.tenant_id) then 'disabled'
        else 'granted'
      end
      from operations o where o.id = operation_id),
    'moved_already')
$$;

revoke execute on function permit_sending(uuid, text, bigint) from public;
