import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { digestOf, nextLink } from '../../audit-verification/format/audit-chain.ts';
import {
  type Signer,
  sealed,
  signedStatement,
  type Verifier,
} from '../../audit-verification/format/statement.ts';
import { operatorEventOf } from '../../core/audit/event-of.ts';
import { appendEventsOn } from './audit-rows.ts';
import { genesis } from './chain-continuation.ts';
import { findCheckpoint, type StoredCheckpoint } from './checkpoint-rows.ts';
import { firstRow } from './first-row.ts';

// What is held in memory at a time.
const pageSize = 1000;

export type RetentionOptions = {
  /** Events before this may go. */
  readonly before: Date;
  /** One chain, or all. */
  readonly chain: string | null;
  /** By key id: who may have signed the checkpoint that retention goes up to. */
  readonly verifiers: ReadonlyMap<string, Verifier>;
  /** `null`: only a report. */
  readonly removal: RemovalBy | null;
};

type RemovalBy = {
  /** Signs the statement of what was removed. */
  readonly signer: Signer;
  /** Who, as the operator's machine knows them. */
  readonly by: string;
  readonly now: Date;
};

/** What went, or would go, of one chain. */
export type Removal = {
  readonly chain: string;
  readonly from: number;
  readonly to: number;
  /** The time of the newest of them. */
  readonly newest: Date;
};

/** Removes the oldest part of chains: as far as all events are older than `before`, and no further than a
 *  signed checkpoint, so that what is left still starts at a signed link. Leaves a signed
 *  statement, and an event in the chain. Nothing is removed that does not verify: retention must not remove
 *  the evidence of an alteration. Needs a client of the tables' owner; for a report, of a role that may read them. Each
 *  chain is done completely or not at all, and reported to `onDone`. */
export async function applyRetention(
  client: pg.ClientBase,
  options: RetentionOptions,
  onDone: (removal: Removal) => void,
): Promise<void> {
  const { rows } = await client.query<{ chain: string }>(
    'select distinct chain from public.audit_chains where $1::text is null or chain = $1 order by chain',
    [options.chain],
  );
  for (const { chain } of rows) {
    await client.query('begin');
    try {
      // The tables of the service, whatever the role's search_path says.
      await client.query('set local search_path = pg_catalog, public, pg_temp');
      // Against a second run of this. The chain's head stays free until the last moment: appends go on.
      await client.query("select pg_advisory_xact_lock(hashtextextended('audit retention', 0))");
      const found = await findRemoval(client, chain, options);
      if (found !== null) {
        await checkLinks(client, chain, found, options.verifiers);
        if (options.removal !== null) await remove(client, found, options.before, options.removal);
      }
      await client.query('commit');
      if (found !== null) onDone(found.removal);
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    }
  }
}

type Found = { readonly removal: Removal; readonly checkpoint: StoredCheckpoint };

/** The furthest signed checkpoint before the first event that must stay. What only claims to be one is passed over:
 *  anybody who may call the service's functions can store that. */
async function findRemoval(
  client: pg.ClientBase,
  chain: string,
  { before, verifiers }: RetentionOptions,
): Promise<Found | null> {
  const bounds = await client.query<{ first: string | null; last: string | null }>(
    `select min(number) as first,
       coalesce(min(number) filter (where occurred_at >= $2) - 1, max(number)) as last
     from public.audit_events where chain = $1`,
    [chain, before],
  );
  const { first, last } = firstRow(bounds.rows);
  const from = Number(first ?? 0);
  const checkpoint = await findCheckpoint(
    { query: async (statement, values) => (await client.query(String(statement), values)).rows },
    { chain, order: 'newest', from, to: Number(last ?? 0) },
    (found) => signedStatement(found, verifiers) !== null,
  );
  if (checkpoint === null) return null;
  const to = checkpoint.statement.number;
  const { rows } = await client.query<{ newest: Date }>(
    'select max(occurred_at) as newest from public.audit_events where chain = $1 and number <= $2',
    [chain, to],
  );
  const { newest } = firstRow(rows);
  return { removal: { chain, from, to, newest }, checkpoint };
}

/** Walks the part that goes, from where the chain begins now to the checkpoint. */
async function checkLinks(
  client: pg.ClientBase,
  chain: string,
  { removal, checkpoint }: Found,
  verifiers: ReadonlyMap<string, Verifier>,
): Promise<void> {
  const earlier = await client.query<{ text: string; signature: Buffer | null }>(
    'select statement as text, signature from public.audit_removals where chain = $1 order by number desc limit 1',
    [chain],
  );
  const [row] = earlier.rows;
  const last = row && signedStatement(row, verifiers);
  if (row !== undefined && (last?.type !== 'removal' || last.chain !== chain)) {
    throw new Error(
      `what was said of an earlier removal from ${chain} does not verify with the given keys: nothing was removed; run audit-verify, and give earlier keys with --public-key`,
    );
  }
  const start = last ?? genesis(chain);
  let { number } = start;
  let link: Buffer = Buffer.from(start.link, 'hex');
  while (number < removal.to) {
    const { rows } = await client.query<{ number: string; text: string }>(
      `select number, record::text as text from public.audit_events
       where chain = $1 and number > $2 and number <= $3 order by number limit ${pageSize}`,
      [chain, number, removal.to],
    );
    for (const row of rows) {
      number += 1;
      if (Number(row.number) !== number) throw altered(chain, number);
      link = nextLink(link, digestOf(row.text));
    }
    if (rows.length === 0) throw altered(chain, number + 1);
  }
  if (link.toString('hex') !== checkpoint.statement.link) throw altered(chain, number);
}

function altered(chain: string, number: number): Error {
  return new Error(
    `${chain} was altered at event ${number} or before: nothing was removed; run audit-verify`,
  );
}

async function remove(
  client: pg.ClientBase,
  { removal, checkpoint }: Found,
  before: Date,
  { signer, by, now }: RemovalBy,
): Promise<void> {
  const { chain, from, to } = removal;
  const time = now.toISOString();
  const { digest: previous } = checkpoint;
  const { link } = checkpoint.statement;
  const statement = sealed({ type: 'removal', chain, number: to, link, previous, time }, signer);
  await client.query("set local chromeos_bff.retention = 'on'");
  await client.query('delete from public.audit_events where chain = $1 and number <= $2', [chain, to]);
  await client.query('delete from public.audit_checkpoints where chain = $1 and number < $2', [chain, to]);
  await client.query(
    `insert into public.audit_removals (id, chain, number, statement, key_id, signature, made_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [randomUUID(), chain, to, statement.text, statement.statement.keyId, statement.signature, now],
  );
  const act = { id: randomUUID(), time: now, tenantId: chain, by, command: 'audit-retention' };
  const event = operatorEventOf(act, {
    event: 'removed',
    action: 'remove_audit_events',
    explanation: `events ${from} to ${to} of before ${before.toISOString()} were removed`,
  });
  await appendEventsOn(client, [event]);
}
