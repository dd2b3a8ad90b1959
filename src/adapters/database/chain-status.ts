import { signedStatement, type Verifier } from '../../audit-verification/format/statement.ts';
import type { ChainStatus } from '../../core/audit/audit-export.ts';
import { type FoundText, findCheckpoint } from './checkpoint-rows.ts';
import type { Database } from './database.ts';

export type StatusOptions = {
  /** The keys whose checkpoints are accepted, by key id. */
  readonly verifiers: ReadonlyMap<string, Verifier>;
  /** From when on the first signature came late, in milliseconds after the first event. */
  readonly lateMs: number;
  /** Whether this process knows that a chain does not continue what was signed. */
  readonly contradicts: (chain: string) => boolean;
};

/** How well a chain is covered by its checkpoints, of which only those count that a known key signed. Fails with
 *  `audit_unavailable`, and never because of what is stored in the tables. */
export async function readStatus(
  database: Database,
  chain: string,
  { verifiers, lateMs, contradicts }: StatusOptions,
): Promise<ChainStatus> {
  const { length, first } = await readBounds(database, chain);
  const removedTo = first !== null && first.number > 1 ? first.number - 1 : null;
  const bySomeone = (found: FoundText) => signedStatement(found, verifiers) !== null;
  const last =
    (await findCheckpoint(database, { chain, order: 'newest', to: length }, bySomeone)) ??
    (await findCheckpoint(database, { chain, order: 'newest', to: length }, () => true));
  const from = first?.number ?? 1;
  const oldest = await findCheckpoint(database, { chain, order: 'oldest', from, to: length }, bySomeone);

  const signed = oldest !== null;
  const lastCheckpoint = last && { ...pick(last.statement), signed };
  const firstSigned = oldest && {
    ...pick(oldest.statement),
    afterSeconds: secondsBetween(first, oldest.statement),
  };
  const known = { chain, length, removedTo, lastCheckpoint, firstSigned };
  if (contradicts(chain)) return { ...known, status: 'contradicted' };
  if (lastCheckpoint === null) return { ...known, status: 'none' };
  if (firstSigned === null) return { ...known, status: 'unsigned' };
  if (firstSigned.afterSeconds * 1000 > lateMs) return { ...known, status: 'late' };
  return { ...known, status: lastCheckpoint.number >= length ? 'signed' : 'behind' };
}

function pick({ number, time, keyId }: { number: number; time: string; keyId: string | null }) {
  return { number, time, keyId };
}

type FirstEvent = { readonly number: number; readonly time: string | null };

function secondsBetween(first: FirstEvent | null, { time }: { readonly time: string }): number {
  const seconds = Math.round((Date.parse(time) - Date.parse(first?.time ?? '')) / 1000);
  return Number.isNaN(seconds) ? 0 : Math.max(0, seconds);
}

async function readBounds(
  database: Database,
  chain: string,
): Promise<{ length: number; first: FirstEvent | null }> {
  const { rows } = await database.run((client) =>
    client.query<{ length: string | null; number: string | null; time: string | null }>(
      `select (select max(length) from public.audit_chains where chain = $1) as length, first.number, first.time
       from (select 1) one left join lateral (
         select number, record ->> 'time' as time from public.audit_events where chain = $1 order by number limit 1
       ) first on true`,
      [chain],
    ),
  );
  const [row] = rows;
  const first =
    row === undefined || row.number === null ? null : { number: Number(row.number), time: row.time };
  return { length: Number(row?.length ?? 0), first };
}
