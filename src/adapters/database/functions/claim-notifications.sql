-- Hands out what a receiver is to be told now, oldest first, to one caller at a time: it is handed out again when
-- `lease_ms` have passed and record_delivery has not said how it went. `record` is the audit event, and `operation` what
-- that is about, where there are such.
create or replace function claim_notifications(
  of_receiver text, types text[], tenants text[], at_most integer, lease_ms bigint)
returns table (
  notification_id uuid, type text, told_tenant text, detail jsonb, queued_at timestamptz, attempts integer, record json,
  operation operations)
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  -- Another replica is at it.
  if not pg_try_advisory_xact_lock(hashtextextended('notifications for ' || of_receiver, 0)) then
    return;
  end if;
  insert into notification_receivers (receiver) values (of_receiver) on conflict do nothing;
  return query
  with due as (
    select p.id from pending_notifications(of_receiver, types, tenants) p
      left join notification_deliveries d on d.notification_id = p.id and d.receiver = of_receiver
    where d.due_at is null or d.due_at <= clock_timestamp()
    order by p.queued_at, p.id limit at_most
  ), claimed as (
    insert into notification_deliveries as d (notification_id, receiver, attempts, due_at)
    select due.id, of_receiver, 1, clock_timestamp() + lease_ms * interval '1 millisecond' from due
    on conflict on constraint notification_deliveries_pkey
    do update set attempts = d.attempts + 1, due_at = excluded.due_at
    returning d.notification_id as id, d.attempts
  )
  select n.id, n.type, n.tenant_id, n.detail, n.queued_at, claimed.attempts, e.record, o
  from claimed
    join notifications n on n.id = claimed.id
    left join audit_events e on e.id = n.id
    left join operations o on o.id = e.operation_id
  order by n.queued_at, n.id;
end $$;

revoke execute on function claim_notifications(text, text[], text[], integer, bigint) from public;
