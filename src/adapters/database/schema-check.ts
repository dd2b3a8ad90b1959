import { functions } from './functions/functions.ts';
import { migrations } from './migrations/migrations.ts';
import type { Pool } from './pool.ts';

/** Gives what the schema lacks of what this build knows: migrations, and texts of functions that were never
 *  applied. A newer schema will do: migrations only expand, and a newer function still serves an older build.
 *  Fails where PostgreSQL is out of reach. */
export async function missingFromSchema(pool: Pool, timeoutMs: number): Promise<string[]> {
  const present = await pool.withClient(timeoutMs, async (client) => {
    const tables = await client.query<{ found: boolean }>(
      `select to_regclass('kysely_migration') is not null and to_regclass('applied_functions') is not null as found`,
    );
    if (!tables.rows[0]?.found) return [];
    const { rows } = await client.query<{ key: string }>(
      'select name as key from kysely_migration union all select digest from applied_functions',
    );
    return rows.map(({ key }) => key);
  });
  return [
    ...Object.keys(migrations).filter((name) => !present.includes(name)),
    ...functions.filter(({ digest }) => !present.includes(digest)).map(({ name }) => name),
  ];
}
