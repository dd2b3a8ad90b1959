import type pg from 'pg';
import { textRows } from '../stored-pages.ts';
import type { Act } from './reconcile.ts';

/** The disconnects that the trail says were sent, of one tenant or of all, oldest first. */
export async function actsIn(client: pg.ClientBase, tenantId: string | null): Promise<Act[]> {
  const rows = await textRows(
    client,
    `select record::text from public.audit_events
     where event in ('attempt', 'outcome') and ($1::text is null or chain = $1) order by chain, number`,
    [tenantId],
  );
  return actsFrom(rows.map(([text]) => JSON.parse(String(text))));
}

type Recorded = {
  readonly event: string;
  readonly operationId: string;
  readonly requestId: string;
  readonly time: string;
  readonly result: string;
  readonly actor: { readonly oid: string; readonly name: string | null };
};

/** Acts out of attempts and outcomes, in the order in which they were recorded. */
function actsFrom(events: readonly Recorded[]): Act[] {
  const results = new Map<string, string>();
  for (const { event, operationId, result } of events)
    if (event === 'outcome') results.set(operationId, result);
  return events
    .filter(({ event }) => event === 'attempt')
    .map(({ operationId, requestId, time, actor }) => ({
      operationId,
      requestId: requestId.toLowerCase(),
      oid: actor.oid.toLowerCase(),
      name: actor.name,
      sentAt: Date.parse(time),
      result: results.get(operationId) ?? null,
    }));
}
