import { readFileSync } from 'node:fs';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

const names = ['0001-first'];

/** All migrations by name, in order, each a file of SQL. They only ever expand: an old pod keeps working beside
 *  a new schema, and there is no way down. Functions are not migrated but applied (`functions/`). */
export const migrations: Readonly<Record<string, Migration>> = Object.fromEntries(
  names.map((name) => {
    const text = readFileSync(new URL(`${name}.sql`, import.meta.url), 'utf8');
    return [name, { up: async (db) => void (await sql.raw(text).execute(db)) } satisfies Migration];
  }),
);
