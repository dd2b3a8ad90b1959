import type pg from 'pg';
import type { AuditEvent } from '../../core/audit-event.ts';
import type { Operation } from '../../core/operations/operation.ts';
import { canonicalJson } from './canonical-json.ts';
import { type OperationRow, operationFrom } from './operation-row.ts';

/** Anything that runs a statement: a pool's client inside or outside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** Appends events to their chains, in one statement. An event that stands already is passed over, so a
 *  write may be repeated when nobody knows whether it was committed. Gives what is open in the events'
 *  tenants. */
export async function appendEvents(client: Queryable, events: readonly AuditEvent[]): Promise<Operation[]> {
  const open = await client.query<OperationRow>({
    name: 'record-audit-events',
    text: 'select * from record_audit_events($1::json)',
    values: [eventsJson(events)],
  });
  return open.rows.map(operationFrom);
}

/** Events as `record_audit_events` takes them: one JSON array, each member in the text that is hashed. */
export function eventsJson(events: readonly AuditEvent[]): string {
  return `[${events.map(canonicalJson).join(',')}]`;
}
