import canonicalize from 'canonicalize';
import type pg from 'pg';
import type { AuditEvent } from '../../core/audit-event.ts';

/** Anything that runs a statement: a pool's client inside or outside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** Appends events to their chains, in one statement. An event that stands already is passed over, so a
 *  write may be repeated when nobody knows whether it was committed. */
export async function appendEvents(client: Queryable, events: readonly AuditEvent[]): Promise<void> {
  await client.query({
    name: 'append-audit-events',
    text: 'select append_audit_events($1::text[])',
    values: [events.map(canonicalJson)],
  });
}

/** The text of an event that is stored and hashed: canonical JSON (RFC 8785). */
export function canonicalJson(value: object): string {
  const text = canonicalize(value);
  if (text === undefined) throw new Error('only JSON values can be put on record');
  return text;
}
