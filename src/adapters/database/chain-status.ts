import { signedStatement, type Verifier } from '../../audit-verification/format/statement.ts';
import type { ChainStatus } from '../../core/audit/audit-export.ts';
import { type FoundText, findCheckpoint } from './checkpoint-rows.ts';
import type { Database } from './database.ts';
import { firstRow } from './first-row.ts';

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
  const { length, first, begun } = await readBounds(database, chain);
  const signed = (found: FoundText) => signedStatement(found, verifiers) !== null;
  const newest = { chain, order: 'newest', to: length } as const;
  const lastSigned = await findCheckpoint(database, newest, signed);
  const last = lastSigned ?? (await findCheckpoint(database, newest, () => true));
  const oldest = await findCheckpoint(database, { chain, order: 'oldest', from: first, to: length }, signed);

  const lastCheckpoint = last && { ...pick(last.statement), signed: lastSigned !== null };
  const firstSigned = oldest && {
    ...pick(oldest.statement),
    afterSeconds: secondsBetween(begun, oldest.statement.time),
  };
  const removedTo = first > 1 ? first - 1 : null;
  const known = { chain, length, removedTo, lastCheckpoint, firstSigned };
  if (contradicts(chain)) return { ...known, status: 'contradicted' };
  if (lastCheckpoint === null) return { ...known, status: 'none' };
  if (!lastCheckpoint.signed) return { ...known, status: 'unsigned' };
  if (firstSigned !== null && firstSigned.afterSeconds * 1000 > lateMs) return { ...known, status: 'late' };
  return { ...known, status: lastCheckpoint.number === length ? 'signed' : 'behind' };
}

function pick({ number, time, keyId }: { number: number; time: string; keyId: string | null }) {
  return { number, time, keyId };
}

function secondsBetween(begun: string | null, time: string): number {
  const seconds = Math.round((Date.parse(time) - Date.parse(String(begun))) / 1000);
  return Number.isNaN(seconds) ? 0 : Math.max(0, seconds);
}

type BoundsRow = { length: string | null; number: string | null; time: string | null };

/** How long a chain is, its first number that is there, which is 0 where none is, and that event's time. */
async function readBounds(database: Database, chain: string) {
  const rows = await database.query<BoundsRow>(
    `select (select max(length) from public.audit_chains where chain = $1) as length,
       first.number, first.record ->> 'time' as time
     from (select 1) one left join public.audit_events first on first.chain = $1 and first.number = (
       select min(number) from public.audit_events where chain = $1)`,
    [chain],
  );
  const { length, number, time } = firstRow(rows);
  return { length: Number(length ?? 0), first: Number(number ?? 0), begun: time };
}
