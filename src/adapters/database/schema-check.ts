import type pg from 'pg';
import { migrations } from './migrations/migrations.ts';
import { withClient } from './pool.ts';

/** Whether the schema has every migration this build knows. A newer schema will do: migrations only
 *  expand. Fails where PostgreSQL is out of reach. */
export async function missingMigrations(pool: pg.Pool, timeoutMs: number): Promise<string[]> {
  const applied = await withClient(pool, timeoutMs, async (client) => {
    const table = await client.query<{ found: boolean }>(
      "select to_regclass('kysely_migration') is not null as found",
    );
    if (!table.rows[0]?.found) return [];
    const rows = await client.query<{ name: string }>('select name from kysely_migration');
    return rows.rows.map((row) => row.name);
  });
  return Object.keys(migrations).filter((name) => !applied.includes(name));
}
