import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { explanationOf } from '../../audit-verification/format/lost-head.ts';
import type { AuditEvent } from '../../core/audit/audit-event.ts';
import { eventsJson } from './audit-rows.ts';

export type Acknowledgement = {
  readonly tenantId: string;
  /** Who, as they call themselves. */
  readonly by: string;
  /** What was found, and where it is written down. */
  readonly reason: string;
  readonly now: Date;
};

/** Ends the refusal of disconnects in a tenant whose trail has lost events, and puts the loss on the record. Needs
 *  a client of the tables' owner. Gives up to which event the chain had been known; `null` where nothing is lost. */
export async function acknowledgeLostHistory(
  client: pg.ClientBase,
  { tenantId, by, reason, now }: Acknowledgement,
): Promise<number | null> {
  const { rows } = await client.query<{ number: string; link: string; length: string | null }>(
    `select number, encode(link, 'hex') as link,
       (select length from audit_chains where chain = $1 order by length desc limit 1) as length
     from audit_losses where chain = $1 and acknowledged_at is null`,
    [tenantId],
  );
  const [lost] = rows;
  if (lost === undefined) return null;
  const id = randomUUID();
  const event: AuditEvent = {
    id,
    time: now.toISOString(),
    event: 'acknowledged',
    action: 'acknowledge_lost_history',
    operationId: null,
    tenantId,
    actor: { kind: 'operator', oid: 'operator', tenantId, name: by, clientId: 'audit-acknowledge-loss' },
    source: { address: 'internal' },
    requestId: id,
    graphRequestId: null,
    reason,
    ticket: null,
    result: 'succeeded',
    value: null,
    failure: null,
    move: null,
    explanation: explanationOf({
      number: Number(lost.number),
      link: lost.link,
      length: Number(lost.length ?? 0),
    }),
    connection: null,
    durationMs: null,
  };
  await client.query('select acknowledge_lost_history($1, $2, $3, $4)', [
    tenantId,
    by,
    reason,
    eventsJson([event]),
  ]);
  return Number(lost.number);
}
