import type pg from 'pg';
import { canonicalJson } from '../../audit-verification/format/canonical-json.ts';
import type { AuditEvent } from '../../core/audit/audit-event.ts';
import type { StoredOperation } from '../../core/operation/operation.ts';
import { type OperationRow, operationFrom } from './operation-row.ts';
import { recordAuditEvents } from './statements/record-audit-events.ts';
import { storedOperation } from './statements/stored-operation.ts';

/** Anything that runs a statement: a pool's client inside or outside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** Appends events to their chains, in one statement. An event that stands already is passed over, so a
 *  write may be repeated when nobody knows whether it was committed. Gives what is open in the events'
 *  tenants. */
export async function appendEvents(
  client: Queryable,
  events: readonly AuditEvent[],
): Promise<StoredOperation[]> {
  const openIds = await record(client, eventsJson(events));
  if (openIds.length === 0) return [];
  const open = await client.query<OperationRow>(
    `select ${storedOperation} from operations o where o.id = any($1)`,
    [openIds],
  );
  return open.rows.map(operationFrom);
}

/** Gives the ids of what is open: most often nothing is, and an operation's columns would have to be described
 *  all the same. With a callback, since the promise that pg makes itself keeps V8 from letting go of it, and
 *  of all that waits for it, before the next full collection. */
function record(client: Queryable, events: string): Promise<string[]> {
  const statement = { ...recordAuditEvents, values: [events] };
  return new Promise((resolve, reject) => {
    client.query<{ id: string }>(statement, (error, result) =>
      error ? reject(error) : resolve(result.rows.map(({ id }) => id)),
    );
  });
}

/** Events as `record_audit_events` takes them: one JSON array, each member in the text that is hashed. */
export function eventsJson(events: readonly AuditEvent[]): string {
  return `[${events.map(canonicalJson).join(',')}]`;
}
