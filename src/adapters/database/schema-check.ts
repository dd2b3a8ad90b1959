import type pg from 'pg';
import { firstRow } from './first-row.ts';
import { functions } from './functions/functions.ts';
import { migrations } from './migrations/migrations.ts';
import type { Pool } from './pool.ts';

/** Our statements would go to another schema than functions do. */
export class OtherSchema extends Error {
  constructor(name: string | null) {
    super(`looks in the schema ${name ?? 'of no name'} first: set the role's search_path to public`);
    this.name = 'OtherSchema';
  }
}

/** Returns what the schema lacks of what this build knows: migrations, and texts of functions that were never
 *  applied. A newer schema will do: migrations only expand, and a newer function still serves an older build.
 *  Fails where PostgreSQL is out of reach, or with `OtherSchema`, which only a pooler can lead to: on connections of
 *  our own we say where to look. */
export async function missingFromSchema(pool: Pool, timeoutMs: number): Promise<string[]> {
  const { schema, present } = await pool.withClient(timeoutMs, async (client) => {
    const tables = await client.query<{ schema: string | null; found: boolean }>(
      `select current_schema() as schema,
         to_regclass('kysely_migration') is not null and to_regclass('applied_functions') is not null as found`,
    );
    const { schema, found } = firstRow(tables.rows);
    return { schema, present: found ? await keysIn(client) : [] };
  });
  if (schema !== 'public') throw new OtherSchema(schema);
  return [
    ...Object.keys(migrations).filter((name) => !present.includes(name)),
    ...functions.filter(({ digest }) => !present.includes(digest)).map(({ name }) => name),
  ];
}

async function keysIn(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ key: string }>(
    'select name as key from kysely_migration union all select digest from applied_functions',
  );
  return rows.map(({ key }) => key);
}
