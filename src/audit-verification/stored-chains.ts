import type pg from 'pg';
import { ChainChecker } from './chain-checker.ts';
import type { ChainReport } from './chain-proofs.ts';
import type { VerifyOptions } from './export-file.ts';
import { Finding } from './finding.ts';
import type { Statement } from './format/statement.ts';
import { pagesOf, pieces, textRows } from './stored-pages.ts';

/** Checks every chain of a database on one connection, all in one snapshot, in constant memory. Needs no
 *  more than to read the audit tables. Reports everything that is wrong to `findings`. */
export async function verifyStored(
  client: pg.ClientBase,
  options: VerifyOptions & {
    /** Called with the number of events to check. */
    readonly onTotal: (events: number) => void;
  },
): Promise<ChainReport[]> {
  await client.query('begin isolation level repeatable read read only');
  try {
    // Not what a role or a schema was told to find under these names, and never less than all rows.
    await client.query("set local search_path = 'pg_catalog', 'pg_temp'");
    await client.query('set local row_security = off');
    // Events come in the order of an index: sorting a long chain would fill the server's disk first.
    await client.query('set local enable_sort = off');
    await refuseViews(client, options);
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
    await findTwice(client, options);
    return reports;
  } finally {
    await client.query('rollback').catch(() => {});
  }
}

const tables = ['audit_events', 'audit_chains', 'audit_checkpoints', 'audit_removals', 'audit_losses'];

/** A view, or rules on a table, could show anything. */
async function refuseViews(client: pg.ClientBase, { findings }: VerifyOptions): Promise<void> {
  const rows = await textRows(
    client,
    `select relname from pg_class where relnamespace = 'public'::regnamespace and relname = any($1)
     and (relkind <> 'r' or relhassubclass or exists (select from pg_rewrite where ev_class = pg_class.oid))`,
    [tables],
  );
  for (const [name] of rows) {
    const message = `${name} is not a plain table: what it shows can be anything.`;
    findings.add(new Finding('malformed', { chain: null }, message));
  }
}

/** Every chain with any trace left, even if its events or its head are gone. */
async function chainsIn(client: pg.ClientBase, outside: readonly string[]) {
  const rows = await textRows(
    client,
    `with recursive of_events as (
       (select chain from public.audit_events order by chain limit 1)
       union all
       select (select e.chain from public.audit_events e where e.chain > o.chain order by e.chain limit 1)
       from of_events o where o.chain is not null
     )
     select chain from of_events where chain is not null
     union select chain from public.audit_chains union select chain from public.audit_checkpoints
     union select chain from public.audit_removals
     union select chain from public.audit_losses where acknowledged_at is null union select unnest($1::text[])
     order by 1`,
    [outside],
  );
  const [sum] = await textRows(
    client,
    'select coalesce(sum(longest), 0) from (select max(length) as longest from public.audit_chains group by chain) each',
  );
  return { chains: rows.map(([chain]) => String(chain)), total: Number(sum?.[0] ?? 0) };
}

async function verifyChain(
  client: pg.ClientBase,
  chain: string,
  options: VerifyOptions,
): Promise<ChainReport> {
  const checker = new ChainChecker(chain, { ...options, outside: options.outside.get(chain) ?? [] });
  for (const row of await removalsOf(client, chain)) {
    compareColumns(row, checker.removed(found(row)), 'the statement of what retention removed', options);
  }
  const begun = checker.number;

  const checkpoints = checkpointsOf(client, chain);
  let checkpoint = await checkpoints.next();
  const checkpointsTo = async (number: number) => {
    while (!checkpoint.done && Number(checkpoint.value[0]) <= number) {
      compareColumns(checkpoint.value, checker.checkpoint(found(checkpoint.value)), 'a checkpoint', options);
      checkpoint = await checkpoints.next();
    }
  };
  await checkpointsTo(begun);
  checker.begun();
  for await (const page of eventsOf(client, chain)) {
    for (const row of page) {
      checker.event(storedEvent(chain, row));
      // Asked here, since an `await` for each event would cost more than its check.
      if (!checkpoint.done && Number(checkpoint.value[0]) <= checker.number)
        await checkpointsTo(checker.number);
    }
    options.onProgress(checker.number - begun);
  }
  await checkpointsTo(Number.POSITIVE_INFINITY);
  await reportedLosses(client, checker);
  return checker.end(await headOf(client, checker, options), options.now ?? Date.now());
}

function removalsOf(client: pg.ClientBase, chain: string): Promise<Row[]> {
  return textRows(
    client,
    `select number, chain, key_id, statement, encode(signature, 'hex'), ${microseconds('made_at')}
     from public.audit_removals where chain = $1 order by number, made_at, id`,
    [chain],
  );
}

function checkpointsOf(client: pg.ClientBase, chain: string) {
  return pieces(
    pagesOf(
      client,
      'stored_checkpoints',
      `select number, chain, key_id, statement, encode(signature, 'hex'), ${microseconds('made_at')}
       from public.audit_checkpoints where chain = $1 order by number, position`,
      [chain],
    ),
  );
}

function eventsOf(client: pg.ClientBase, chain: string) {
  return pagesOf(
    client,
    'stored_events',
    `select number, record::text, encode(digest, 'hex'), encode(link, 'hex'), id,
       ${microseconds('occurred_at')}, event, actor_oid, operation_id
     from public.audit_events where chain = $1 order by number`,
    [chain],
  );
}

function storedEvent(chain: string, row: Row): Parameters<ChainChecker['event']>[0] {
  const [number, text, digest, link, id, occurredAt, event, actorOid, operationId] = row;
  return {
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
  };
}

type Row = readonly (string | null)[];

function found([, , , text, signature]: Row) {
  return {
    text: String(text),
    signature: signature === null || signature === undefined ? null : Buffer.from(signature, 'hex'),
  };
}

/** Compares the columns a statement is found by with the statement, if it is signed. */
function compareColumns(
  [number, chain, keyId, , , madeAt]: Row,
  statement: Statement | null,
  name: string,
  { findings }: VerifyOptions,
): void {
  if (
    statement === null ||
    (number === String(statement.number) &&
      chain === statement.chain &&
      (keyId ?? null) === statement.keyId &&
      madeAt === `${Date.parse(statement.time)}000`)
  ) {
    return;
  }
  findings.add(
    new Finding(
      'altered_columns',
      { chain: chain ?? null, number: Number(number) },
      `The columns that ${name} is found by were altered: they do not say what the statement says.`,
    ),
  );
}

/** A time column as whole microseconds since the epoch, as text. */
function microseconds(column: string): string {
  return `trunc(extract(epoch from ${column}) * 1000000)::text`;
}

/** What a process of the service reported and nobody has acknowledged. An acknowledgement counts as an event only. */
async function reportedLosses(client: pg.ClientBase, checker: ChainChecker): Promise<void> {
  const rows = await textRows(
    client,
    `select number, encode(link, 'hex'), to_char(found_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
     from public.audit_losses where chain = $1 and acknowledged_at is null order by number limit 100`,
    [checker.chain],
  );
  for (const [number, link, time] of rows) {
    checker.reported({ number: Number(number), link: String(link), time: String(time), acknowledged: null });
  }
}

async function headOf(client: pg.ClientBase, checker: ChainChecker, { findings }: VerifyOptions) {
  const [row, second] = await textRows(
    client,
    "select length, encode(head, 'hex') from public.audit_chains where chain = $1 order by length desc limit 2",
    [checker.chain],
  );
  if (second !== undefined) {
    const where = { chain: checker.chain, number: checker.number };
    findings.add(new Finding('altered_head', where, 'The chain has two heads: one was put in.'));
  }
  // A chain of nothing but outside checkpoints has no head to lose.
  return row === undefined ? null : { number: Number(row[0]), link: String(row[1]) };
}

async function findTwice(client: pg.ClientBase, { findings }: VerifyOptions): Promise<void> {
  const rows = await textRows(
    client,
    'select id, min(chain), min(number) from public.audit_events group by id having count(*) > 1 limit 100',
  );
  for (const [id, chain, number] of rows) {
    findings.add(
      new Finding(
        'event_twice',
        { chain: chain ?? null, number: Number(number) },
        `The event with the id ${id} is there more than once.`,
      ),
    );
  }
}
