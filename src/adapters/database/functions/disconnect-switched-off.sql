-- Whether an operator switched disconnecting off, for the tenant or for all: `off` from either side counts.
create or replace function disconnect_switched_off(tenant text) returns boolean
language sql stable set search_path = public, pg_temp set enable_seqscan = off as $$
  select exists (
    select from (
      select distinct on (tenant_id) enabled from disconnect_switches
      where tenant_id in (tenant, '*') order by tenant_id, position desc
    ) latest where not enabled
  )
$$;

revoke execute on function disconnect_switched_off(text) from public;
