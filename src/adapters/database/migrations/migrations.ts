import type { Migration } from 'kysely/migration';
import { auditTrail } from './0001-audit-trail.ts';
import { operations } from './0002-operations.ts';
import { recordAuditEvents } from './0003-record-audit-events.ts';
import { movesInOneStatement } from './0004-moves-in-one-statement.ts';
import { batchesInOneInsert } from './0005-batches-in-one-insert.ts';

/** All migrations by name, in order. They only ever expand: an old pod keeps working beside a new
 *  schema, and there is no way down. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-audit-trail': auditTrail,
  '0002-operations': operations,
  '0003-record-audit-events': recordAuditEvents,
  '0004-moves-in-one-statement': movesInOneStatement,
  '0005-batches-in-one-insert': batchesInOneInsert,
};

/** What the service's role may do, and nothing else. Granted anew with each run of the migrations. */
export const grants: readonly string[] = [
  'select on table audit_events, audit_chains, audit_removals',
  'execute on function record_audit_events(json), append_audit_events(text[])',
  'execute on function open_operation(jsonb, uuid, bigint, bigint, json)',
  'execute on function move_operation(uuid, text, text, timestamptz, bigint, jsonb, uuid, json)',
  'select, insert on table audit_checkpoints',
  'select, insert, update on table operations',
  'select on table operation_moves',
  'select, insert on table disconnect_switches',
  'select on table kysely_migration',
];
