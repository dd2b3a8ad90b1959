import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { explanationOf } from '../../audit-verification/format/lost-head.ts';
import { operatorEventOf } from '../../core/audit/event-of.ts';
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
 *  a client of the tables' owner. Returns up to which event the chain had been known; `null` where nothing is lost. */
export async function acknowledgeLostHistory(
  client: pg.ClientBase,
  { tenantId, by, reason, now }: Acknowledgement,
): Promise<number | null> {
  const { rows } = await client.query<{ number: string; link: string; length: string | null }>(
    `select number, encode(link, 'hex') as link,
       (select length from audit_chains where chain = $1) as length
     from audit_losses where chain = $1 and acknowledged_at is null`,
    [tenantId],
  );
  const [lost] = rows;
  if (lost === undefined) return null;
  const { number, link, length } = lost;
  const act = { id: randomUUID(), time: now, tenantId, by, command: 'audit-acknowledge-loss' };
  const event = operatorEventOf(act, {
    event: 'acknowledged',
    action: 'acknowledge_lost_history',
    reason,
    explanation: explanationOf({ number: Number(number), link, length: Number(length ?? 0) }),
  });
  await client.query('select acknowledge_lost_history($1, $2, $3, $4)', [
    tenantId,
    by,
    reason,
    eventsJson([event]),
  ]);
  return Number(number);
}
