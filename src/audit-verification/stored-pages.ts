import type pg from 'pg';

type Row = readonly (string | null)[];

// Some 5 MB of events.
const pageSize = 5000;

/** Rows as the text PostgreSQL sends: nothing is parsed that is only going to be hashed. */
export async function textRows(client: pg.ClientBase, text: string, values: unknown[] = []): Promise<Row[]> {
  const { rows } = await client.query<(string | null)[]>({ text, values, rowMode: 'array', types: asText });
  return rows;
}

/** The rows of a query, a page at a time, from a cursor of the open transaction. The next page is
 *  fetched while one is being worked on. */
export async function* pagesOf(
  client: pg.ClientBase,
  cursor: string,
  text: string,
  values: unknown[],
): AsyncGenerator<Row[]> {
  await client.query(`declare ${cursor} no scroll cursor for ${text}`, values);
  const fetch = () => {
    const page = textRows(client, `fetch ${pageSize} from ${cursor}`);
    // Reported when it is awaited, which may be after it has failed.
    page.catch(() => {});
    return page;
  };
  let next = fetch();
  for (;;) {
    const page = await next;
    if (page.length === 0) break;
    next = fetch();
    yield page;
  }
  await client.query(`close ${cursor}`);
}

/** The rows of pages one by one. */
export async function* pieces(pages: AsyncIterable<Row[]>): AsyncGenerator<Row> {
  for await (const page of pages) yield* page;
}

const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;
