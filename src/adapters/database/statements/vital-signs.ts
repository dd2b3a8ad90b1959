/** What `VitalSigns` tells, in one row. */
export const vitalSigns = {
  name: 'vital-signs',
  text: `
select
  (select coalesce(json_agg(by_tenant), '[]') from (
     select tenant_id as "tenantId", status, count(*)::int as number,
       extract(epoch from now() - min(coalesce(sent_at, requested_at)))::float8 as "oldestSeconds"
     from operations where open group by tenant_id, status) by_tenant) as open,
  has_function_privilege('record_audit_events(json, integer)', 'execute') as may_write_audit,
  (select coalesce(json_agg(distinct chain), '[]') from audit_losses where acknowledged_at is null) as lost_chains,
  array_remove(array[
    case when current_setting('fsync') = 'off' then 'fsync' end,
    case when current_setting('full_page_writes') = 'off' then 'full_page_writes' end
  ], null) as switched_off,
  current_setting('synchronous_standby_names') <> '' as synchronous_replication,
  (select array_remove(array[
     case when role.rolsuper then 'is a superuser' end,
     case when role.rolcreaterole then 'may create roles' end,
     case when role.rolcreatedb then 'may create databases' end,
     case when role.rolbypassrls then 'bypasses row security' end,
     case when exists (
       select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
         and relname in ('audit_events', 'operations', 'disconnect_switches')
         and pg_has_role(relowner, 'member')) then 'owns the tables' end,
     case when has_schema_privilege('public', 'create') then 'may create in the schema' end
   ], null) || array(
     select 'may itself write ' || string_agg(relname, ', ' order by relname) from pg_class
     where relnamespace = 'public'::regnamespace and relkind = 'r'
       and (has_table_privilege(oid, 'insert, update, delete, truncate')
         or has_any_column_privilege(oid, 'insert, update'))
     having count(*) > 0
   ) from pg_roles role where role.rolname = current_user) as excessive`,
} as const;

/** Statements of ours, of whatever replica, that wait for a lock. It waits for none itself. */
export const statementsWaiting = {
  name: 'statements-waiting',
  text: `
select count(*)::int as number from pg_stat_activity
where datname = current_database() and application_name = 'chromeos-connector-bff' and wait_event_type = 'Lock'`,
} as const;
