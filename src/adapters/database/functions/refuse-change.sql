-- What is recorded stays as it was recorded. Retention is the one exception: the tables' owner, who says so in
-- the same transaction, may delete events and their checkpoints.
create or replace function refuse_change() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'DELETE' and tg_table_name in ('audit_events', 'audit_checkpoints')
    and current_setting('chromeos_bff.retention', true) = 'on'
    and current_user = (
      select tableowner from pg_tables where schemaname = tg_table_schema and tablename = tg_table_name)
  then
    return null;
  end if;
  raise exception '% of % is refused: it is append-only', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;

create or replace trigger audit_events_append_only before update or delete or truncate on audit_events
  for each statement execute function refuse_change();
create or replace trigger audit_checkpoints_append_only before update or delete or truncate on audit_checkpoints
  for each statement execute function refuse_change();
create or replace trigger audit_removals_append_only before update or delete or truncate on audit_removals
  for each statement execute function refuse_change();
create or replace trigger audit_chains_stay before truncate on audit_chains
  for each statement execute function refuse_change();
create or replace trigger audit_losses_stay before delete or truncate on audit_losses
  for each statement execute function refuse_change();
create or replace trigger operations_stay before delete or truncate on operations
  for each statement execute function refuse_change();
create or replace trigger disconnect_switches_append_only
  before update or delete or truncate on disconnect_switches
  for each statement execute function refuse_change();
