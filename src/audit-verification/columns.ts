import { Finding } from './finding.ts';

/** The columns by which the database finds an event. */
export type Columns = {
  readonly chain: string;
  readonly id: string;
  /** Microseconds since the epoch. */
  readonly occurredAt: string;
  readonly event: string;
  readonly actorOid: string;
  readonly operationId: string | null;
};

/** Compares the columns an event is found by with the event itself; without columns, checks only that the event
 *  belongs to the chain. Throws `Finding`. */
export function checkColumns(
  chain: string,
  number: number,
  event: Record<string, unknown>,
  columns: Columns | null,
): void {
  if (columns === null) {
    if (event.tenantId === chain) return;
    throw new Finding('altered_columns', { chain, number }, `Event ${number} belongs to another chain.`);
  }
  const { actor, time } = event;
  const oid = typeof actor === 'object' && actor !== null && 'oid' in actor ? actor.oid : undefined;
  const wrong = [
    columns.chain !== event.tenantId && 'chain',
    columns.id !== event.id && 'id',
    columns.occurredAt !== `${Date.parse(String(time))}000` && 'occurred_at',
    columns.event !== event.event && 'event',
    columns.actorOid !== oid && 'actor_oid',
    columns.operationId !== event.operationId && 'operation_id',
  ].filter((name) => name !== false);
  if (wrong.length === 0) return;
  throw new Finding(
    'altered_columns',
    { chain, number },
    `The columns that event ${number} is found by were altered: ${wrong.join(', ')} ${wrong.length === 1 ? 'does' : 'do'} not say what the event says.`,
  );
}
