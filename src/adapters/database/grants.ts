/** What the service's role may do, and nothing else. Granted again with each run of the migrations. */
export const grants: readonly string[] = [
  'select on table audit_events, audit_chains, audit_removals, audit_checkpoints',
  'execute on function record_audit_events(json)',
  'execute on function add_checkpoint(uuid, text, bigint, text, text, bytea, timestamptz, uuid)',
  'execute on function open_operation(jsonb, uuid, text, bigint, bigint, bigint, json)',
  'execute on function move_operation(uuid, text, text, bigint, boolean, boolean, jsonb, uuid, json)',
  'execute on function permit_sending(uuid, text, bigint), disconnect_switched_off(text)',
  'execute on function end_unsent_operation(uuid, text, uuid, text, text, jsonb, uuid, json)',
  'select, insert, update on table operations',
  'select on table operation_moves, applied_functions',
  'select, insert on table disconnect_switches',
  'select on table kysely_migration',
];
