-- What a receiver is to be told and was not yet: since it is known here, of the types and tenants it wants (null: all).
create or replace function pending_notifications(of_receiver text, types text[], tenants text[])
returns setof notifications
language sql stable set search_path = public, pg_temp set enable_seqscan = off as $$
  select n.* from notifications n
    join notification_receivers r on r.receiver = of_receiver and n.queued_at >= r.since
    left join notification_deliveries d on d.notification_id = n.id and d.receiver = of_receiver
  where d.result is null
    and (types is null or n.type = any(types))
    and (tenants is null or n.tenant_id = '*' or n.tenant_id = any(tenants))
$$;

revoke execute on function pending_notifications(text, text[], text[]) from public;
