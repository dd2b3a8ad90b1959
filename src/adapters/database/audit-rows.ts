import type pg from 'pg';
import { canonicalJson } from '../../audit-verification/format/canonical-json.ts';
import type { AuditEvent } from '../../core/audit/audit-event.ts';
import type { Connection } from './database.ts';
import { recordAuditEvents } from './statements/record-audit-events.ts';

/** A chain as it is after events were added to it. */
export type ChainHead = {
  readonly chain: string;
  readonly number: number;
  /** In hexadecimal. */
  readonly link: string;
  /** The operation that is open in that tenant. */
  readonly openId: string | null;
};

/** Appends events to their chains, in one statement. An event that is recorded already is passed over, so a
 *  write may be repeated when nobody knows whether it was committed. Waits for a chain's head no longer than
 *  `lockMs`. */
export async function appendEvents(
  connection: Connection,
  events: readonly AuditEvent[],
  lockMs: number,
): Promise<ChainHead[]> {
  const { rows } = await connection.query<{
    tenant: string;
    length: string;
    link: string;
    open_id: string | null;
  }>(recordAuditEvents, [eventsJson(events), lockMs]);
  return rows.map(({ tenant, length, link, open_id }) => ({
    chain: tenant,
    number: Number(length),
    link,
    openId: open_id,
  }));
}

/** The same for a caller with a client of its own, such as the owner's. */
export async function appendEventsOn(client: pg.ClientBase, events: readonly AuditEvent[]): Promise<void> {
  await client.query(recordAuditEvents.text, [eventsJson(events), ownersPatienceMs]);
}

const ownersPatienceMs = 30_000;

/** Events as `record_audit_events` takes them: one JSON array, each member in the text that is hashed. */
export function eventsJson(events: readonly AuditEvent[]): string {
  return `[${events.map(canonicalJson).join(',')}]`;
}
