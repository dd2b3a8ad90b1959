/** What `VitalSigns` tells, in one row. */
export const vitalSigns = {
  name: 'vital-signs',
  text: `
select
  (select count(*)::int from operations
   where status = 'sent' and sent_at < now() - interval '2 minutes') as attempts_without_outcome,
  (select coalesce(jsonb_object_agg(status, number), '{}') from (
     select status, count(*) as number from operations where open group by status) by_status) as open,
  has_function_privilege('record_audit_events(json)', 'execute')
    and current_setting('transaction_read_only') = 'off' as may_write_audit,
  (select array_remove(array[
     case when role.rolsuper then 'is a superuser' end,
     case when role.rolcreaterole then 'may create roles' end,
     case when role.rolcreatedb then 'may create databases' end,
     case when role.rolbypassrls then 'bypasses row security' end,
     case when exists (
       select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
         and relname in ('audit_events', 'operations', 'disconnect_switches')
         and pg_has_role(relowner, 'member')) then 'owns the tables' end,
     case when has_schema_privilege('public', 'create') then 'may create in the schema' end,
     case when has_table_privilege('audit_events', 'insert, delete, truncate')
       or has_any_column_privilege('audit_events', 'insert, update') then 'may write audit_events itself' end,
     case when has_table_privilege('audit_chains', 'insert, delete, truncate')
       or has_any_column_privilege('audit_chains', 'insert, update') then 'may write audit_chains itself' end,
     case when has_table_privilege('audit_checkpoints', 'delete, truncate')
       or has_any_column_privilege('audit_checkpoints', 'update') then 'may change audit_checkpoints' end,
     case when has_table_privilege('disconnect_switches', 'delete, truncate')
       or has_any_column_privilege('disconnect_switches', 'update') then 'may change disconnect_switches' end,
     case when has_table_privilege('operations', 'delete, truncate') then 'may remove operations' end
   ], null) from pg_roles role where role.rolname = current_user) as excessive`,
} as const;
