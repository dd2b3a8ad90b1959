import type pg from 'pg';
import { ChainChecker } from './chain-checker.ts';
import type { ChainReport } from './chain-proofs.ts';
import type { VerifyOptions } from './export-file.ts';
import { Finding } from './finding.ts';
import { pagesOf, pieces, textRows } from './stored-pages.ts';

/** Checks every chain of a database on one connection, all in one snapshot, in constant memory. Needs no
 *  more than to read the audit tables. Throws a `Finding` for the first thing that is wrong. */
export async function verifyStored(
  client: pg.ClientBase,
  options: VerifyOptions & {
    /** Hears how many events there are to check. */
    readonly onTotal: (events: number) => void;
  },
): Promise<ChainReport[]> {
  await client.query('begin isolation level repeatable read read only');
  try {
    // Events come in the order of an index: sorting a long chain would fill the server's disk first.
    await client.query('set local enable_sort = off');
    const { chains, total } = await chainsIn(client, [...options.outside.keys()]);
    options.onTotal(total);
    const reports: ChainReport[] = [];
    let checked = 0;
    for (const chain of chains) {
      const report = await verifyChain(client, chain, {
        ...options,
        onProgress: (events) => options.onProgress(checked + events),
      });
      checked += report.length - (report.removal?.number ?? 0);
      reports.push(report);
    }
    await refuseTwice(client);
    return reports;
  } finally {
    await client.query('rollback').catch(() => {});
  }
}

/** Every chain that anything is known of: a chain whose events or whose head are gone is one of them. */
async function chainsIn(client: pg.ClientBase, outside: readonly string[]) {
  const rows = await textRows(
    client,
    `with recursive of_events as (
       (select chain from audit_events order by chain limit 1)
       union all
       select (select e.chain from audit_events e where e.chain > o.chain order by e.chain limit 1)
       from of_events o where o.chain is not null
     )
     select chain from of_events where chain is not null
     union select chain from audit_chains union select chain from audit_checkpoints
     union select chain from audit_removals union select unnest($1::text[])
     order by 1`,
    [outside],
  );
  const [sum] = await textRows(client, 'select coalesce(sum(length), 0) from audit_chains');
  return { chains: rows.map(([chain]) => String(chain)), total: Number(sum?.[0] ?? 0) };
}

async function verifyChain(
  client: pg.ClientBase,
  chain: string,
  options: VerifyOptions,
): Promise<ChainReport> {
  const checker = new ChainChecker(chain, {
    verifiers: options.verifiers,
    outside: options.outside.get(chain) ?? [],
  });
  const removals = await textRows(
    client,
    `select number, chain, key_id, statement, encode(signature, 'hex')
     from audit_removals where chain = $1 order by number, made_at, id`,
    [chain],
  );
  for (const row of removals) {
    const statement = found(row);
    checker.removed(statement);
    sameColumns(row, statement.text, 'the statement of what retention removed');
  }
  const begun = checker.number;

  const checkpoints = pieces(
    pagesOf(
      client,
      'stored_checkpoints',
      `select number, chain, key_id, statement, encode(signature, 'hex')
       from audit_checkpoints where chain = $1 order by number, made_at, id`,
      [chain],
    ),
  );
  let checkpoint = await checkpoints.next();
  const checkpointsTo = async (number: number) => {
    while (!checkpoint.done && Number(checkpoint.value[0]) <= number) {
      feedCheckpoint(checker, checkpoint.value);
      checkpoint = await checkpoints.next();
    }
  };

  await checkpointsTo(begun);
  const events = pagesOf(
    client,
    'stored_events',
    `select number, record::text, encode(digest, 'hex'), encode(link, 'hex'), id,
       trunc(extract(epoch from occurred_at) * 1000000)::text, event, actor_oid, operation_id
     from audit_events where chain = $1 order by number`,
    [chain],
  );
  for await (const page of events) {
    for (const [number, text, digest, link, id, occurredAt, event, actorOid, operationId] of page) {
      checker.event({
        number: Number(number),
        text: String(text),
        digest: String(digest),
        link: String(link),
        columns: {
          chain,
          id: String(id),
          occurredAt: String(occurredAt),
          event: String(event),
          actorOid: String(actorOid),
          operationId: operationId ?? null,
        },
      });
      if (!checkpoint.done && Number(checkpoint.value[0]) <= checker.number)
        await checkpointsTo(checker.number);
    }
    options.onProgress(checker.number - begun);
  }
  await checkpointsTo(Number.POSITIVE_INFINITY);
  return checker.end(await headOf(client, checker));
}

function feedCheckpoint(checker: ChainChecker, row: Row): void {
  const statement = found(row);
  checker.checkpoint(statement);
  sameColumns(row, statement.text, 'a checkpoint');
}

type Row = readonly (string | null)[];

function found([, , , text, signature]: Row) {
  return {
    text: String(text),
    signature: signature === null || signature === undefined ? null : Buffer.from(signature, 'hex'),
  };
}

/** Holds the columns a statement is found by against the statement. */
function sameColumns([number, chain, keyId]: Row, text: string, name: string): void {
  const statement = JSON.parse(text);
  if (
    Number(number) === statement.number &&
    chain === statement.chain &&
    (keyId ?? null) === statement.keyId
  ) {
    return;
  }
  throw new Finding(
    'altered_columns',
    { chain: chain ?? null, number: Number(number) },
    `The columns that ${name} is found by were altered: they do not say what the statement says.`,
  );
}

async function headOf(client: pg.ClientBase, checker: ChainChecker) {
  const [row] = await textRows(
    client,
    "select length, encode(head, 'hex') from audit_chains where chain = $1",
    [checker.chain],
  );
  if (row !== undefined) return { number: Number(row[0]), link: String(row[1]) };
  // A chain of nothing but outside checkpoints has no head to lose: the checker names what is missing.
  if (checker.number === 0) return { number: 0, link: '' };
  throw new Finding(
    'altered_head',
    { chain: checker.chain, number: checker.number },
    `The head of the chain is gone; its last event is ${checker.number}.`,
  );
}

async function refuseTwice(client: pg.ClientBase): Promise<void> {
  const [twice] = await textRows(
    client,
    `select id, min(chain), min(number) from audit_events group by id having count(*) > 1 limit 1`,
  );
  if (twice === undefined) return;
  throw new Finding(
    'event_twice',
    { chain: twice[1] ?? null, number: Number(twice[2]) },
    `The event with the id ${twice[0]} stands more than once.`,
  );
}
