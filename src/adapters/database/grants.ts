/** Where the service's role writes nothing itself. */
export const tables: readonly string[] = [
  'audit_events',
  'audit_chains',
  'audit_checkpoints',
  'audit_removals',
  'audit_losses',
  'operations',
  'operation_moves',
  'disconnect_switches',
  'notifications',
  'notification_receivers',
  'notification_deliveries',
  'applied_functions',
  'kysely_migration',
];

/** What the service's role may do, and nothing else: read, and call functions that record what they do. Granted
 *  again with each run of the migrations; what it may do beyond is taken from it. */
export const grants: readonly string[] = [
  'select on table audit_events, audit_chains, audit_checkpoints, audit_removals, audit_losses',
  'select on table operations, operation_moves, disconnect_switches',
  'select on table applied_functions, kysely_migration',
  'select on table notifications, notification_receivers, notification_deliveries',
  'select on sequence notifications_not_queued',
  'execute on function record_audit_events(json, integer)',
  'execute on function open_operation(jsonb, uuid, text, bigint, bigint, bigint, json, jsonb, integer)',
  'execute on function move_operation(uuid, text, text, bigint, boolean, boolean, jsonb, uuid, json, jsonb, integer)',
  'execute on function permit_sending(uuid, text, bigint, boolean, integer), disconnect_switched_off(text)',
  'execute on function end_unsent_operation(uuid, text, uuid, text, text, boolean, jsonb, uuid, json, integer)',
  'execute on function chain_head(text)',
  'execute on function claim_read(uuid, bigint)',
  'execute on function add_checkpoint(uuid, text, bytea, uuid)',
  'execute on function switch_disconnect(jsonb, json, integer)',
  'execute on function audit_history_holds(text, bigint, bytea)',
  'execute on function report_lost_history(text, bigint, bytea)',
  'execute on function report_contradiction(text, text, text)',
  'execute on function pending_notifications(text, text[], text[])',
  'execute on function claim_notifications(text, text[], text[], integer, bigint)',
  'execute on function record_delivery(uuid, text, integer, text, bigint)',
  'execute on function prune_notifications(text[])',
];
