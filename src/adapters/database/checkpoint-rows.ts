import type { SignedStatement, Statement } from '../../audit-verification/format/statement.ts';
import { parseStatement, statementDigest } from '../../audit-verification/format/statement.ts';
import type { Database } from './database.ts';
import { firstRow } from './first-row.ts';

/** A checkpoint of a chain as it is stored, which is as it should be as far as this process can tell. */
export type StoredCheckpoint = {
  readonly id: string;
  readonly statement: Statement;
  /** A later checkpoint refers to it by this. */
  readonly digest: string;
};

type Row = { id: string; number: string; position: string; statement: string; signature: Buffer | null };

export type FoundText = { readonly text: string; readonly signature: Buffer | null };

// Invalid rows are few, unless somebody is making them: then page by page.
const pageSize = 50;

type Place = readonly [number: string, position: string];

const walks = {
  newest: {
    side: '<',
    by: 'number desc, position desc',
    start: ['9223372036854775807', '9223372036854775807'] as Place,
  },
  oldest: { side: '>', by: 'number, position', start: ['0', '0'] as Place },
} as const;

type Wanted = {
  readonly chain: string;
  readonly order: keyof typeof walks;
  /** Between these two numbers, inclusive. */
  readonly from?: number;
  readonly to: number;
  /** Of one key; of any by default. */
  readonly keyId?: string | null;
};

/** The newest or the oldest checkpoint of a chain, of those that `accept` takes; `null` where there is none. Rows that
 *  are no checkpoints of the chain are passed over, whatever they hold. Fails with `audit_unavailable`. */
export async function findCheckpoint(
  database: Pick<Database, 'query'>,
  { chain, order, from = 1, to, keyId = null }: Wanted,
  accept: (found: FoundText) => boolean,
): Promise<StoredCheckpoint | null> {
  const { side, by, start } = walks[order];
  let after = start;
  for (;;) {
    const rows = await database.query<Row>(
      `select id, number, position, statement, signature from public.audit_checkpoints
       where chain = $1 and number between $2 and $3 and (number, position) ${side} ($4, $5)
         and ($6::text is null or key_id = $6)
       order by ${by} limit ${pageSize}`,
      [chain, from, to, ...after, keyId],
    );
    for (const { id, number, statement: text, signature } of rows) {
      const statement = parseStatement(text);
      if (statement?.type !== 'checkpoint' || statement.chain !== chain) continue;
      if (String(statement.number) !== number || !accept({ text, signature })) continue;
      return { id, statement, digest: statementDigest(text) };
    }
    const last = rows.at(-1);
    if (last === undefined) return null;
    after = [last.number, last.position];
  }
}

/** The id of the checkpoint that was stored last, whatever it says. */
export async function lastStored(database: Database, chain: string): Promise<string | null> {
  const rows = await database.query<{ id: string }>(
    'select id from public.audit_checkpoints where chain = $1 order by position desc limit 1',
    [chain],
  );
  return rows[0]?.id ?? null;
}

/** Stores a checkpoint; false where another was stored since `expectedNewest`. */
export async function storeCheckpoint(
  database: Database,
  id: string,
  { text, signature }: SignedStatement,
  expectedNewest: string | null,
): Promise<boolean> {
  const rows = await database.query<{ stored: boolean }>(
    'select public.add_checkpoint($1, $2, $3, $4) as stored',
    [id, text, signature, expectedNewest],
  );
  return firstRow(rows).stored;
}

/** The last statement about a removal from a chain that `accept` takes; `null` where there is none. */
export async function lastRemoval(
  database: Database,
  chain: string,
  accept: (found: FoundText) => boolean,
): Promise<Statement | null> {
  const rows = await database.query<{ statement: string; signature: Buffer | null }>(
    'select statement, signature from public.audit_removals where chain = $1 order by number desc',
    [chain],
  );
  for (const { statement: text, signature } of rows) {
    const statement = parseStatement(text);
    if (statement?.type === 'removal' && statement.chain === chain && accept({ text, signature }))
      return statement;
  }
  return null;
}
