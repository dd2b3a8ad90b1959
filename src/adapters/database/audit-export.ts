import type { AuditSelection, ExportEntry } from '../../core/audit/audit-export.ts';
import { CallFailed } from '../../core/failure.ts';
import { conditionsOf } from './audit-filter.ts';
import { type Anchor, genesis } from './chain-continuation.ts';
import type { Database } from './database.ts';
import { firstRow } from './first-row.ts';

// What is held in memory at a time, and read within one database timeout.
const pageSize = 1000;

/** A chain as it is when the first entry is taken, a page at a time. Between pages nothing is held in
 *  the database: the chain only grows, so its beginning stays what it was. */
export async function* exportChain(
  database: Database,
  selection: AuditSelection,
): AsyncGenerator<ExportEntry> {
  const { chain, removal, head } = await readFrame(database, selection.tenantId);
  const from = (removal?.number ?? 0) + 1;
  yield { type: 'header', chain, from, filter: filterOf(selection), removal: removal && sealedText(removal) };
  let last = from - 1;
  while (last < head.number) {
    const { events, checkpoints } = await readPage(database, selection, last, head.number);
    for (const { number, digest, text } of events) {
      last += 1;
      if (Number(number) !== last) throw changedMeanwhile();
      yield text === null
        ? { type: 'omitted', number: last, digest }
        : { type: 'event', number: last, digest, text };
      while (checkpoints[0]?.number === number) {
        yield { type: 'checkpoint', ...sealedText(checkpoints[0]) };
        checkpoints.shift();
      }
    }
    if (events.length === 0) throw changedMeanwhile();
  }
  yield { type: 'end', ...head };
}

type SealedRow = { statement: string; signature: string | null };

type FrameRow = { length: string | null; link: string | null; removed_to: string | null } & {
  [Name in keyof SealedRow]: SealedRow[Name] | null;
};

async function readFrame(database: Database, chain: string) {
  // Where the chain begins is where its events begin; a statement about a removal counts only if it agrees.
  const rows = await database.query<FrameRow>(
    `select head.length, head.link, r.number as removed_to, r.statement,
       translate(encode(r.signature, 'base64'), E'\\n', '') as signature
     from (select 1) one
     left join lateral public.chain_head($1) head on true
     left join public.audit_removals r on r.chain = $1 and r.number = coalesce(
       (select min(number) from public.audit_events where chain = $1) - 1, head.length)
     order by r.signature is null, r.made_at desc`,
    [chain],
  );
  const { length, link, removed_to, statement, signature } = firstRow(rows);
  const head: Anchor = { number: Number(length ?? 0), link: link ?? genesis(chain).link };
  const removal = statement === null ? null : { number: Number(removed_to), statement, signature };
  return { chain, head, removal };
}

async function readPage(database: Database, selection: AuditSelection, after: number, to: number) {
  const values: unknown[] = [selection.tenantId, after, to];
  const shown = ['true', ...conditionsOf(selection, values)].join(' and ');
  return database.run(async (client) => {
    const events = await client.query<{ number: string; digest: string; text: string | null }>(
      `select number, encode(digest, 'hex') as digest, case when ${shown} then record::text end as text
       from public.audit_events where chain = $1 and number > $2 and number <= $3 order by number limit ${pageSize}`,
      values,
    );
    const checkpoints = await client.query<SealedRow & { number: string }>(
      `select number, statement, translate(encode(signature, 'base64'), E'\\n', '') as signature
       from public.audit_checkpoints where chain = $1 and number > $2 and number <= $3 order by number, position`,
      [selection.tenantId, after, after + events.rows.length],
    );
    return { events: events.rows, checkpoints: checkpoints.rows };
  });
}

/** The selection's filters, as the header lists them; `null` if nothing is left out. */
function filterOf({ tenantId: _, ...selection }: AuditSelection): Record<string, string> | null {
  const given = Object.entries(selection).filter(([, value]) => value !== null);
  if (given.length === 0) return null;
  return Object.fromEntries(
    given.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : String(value)]),
  );
}

function sealedText({ statement, signature }: SealedRow): SealedRow {
  return { statement, signature };
}

function changedMeanwhile(): CallFailed {
  return new CallFailed({
    reason: 'audit_unavailable',
    cause: 'events are missing: retention removed them meanwhile, or the trail was altered',
    recorded: 'no',
  });
}
