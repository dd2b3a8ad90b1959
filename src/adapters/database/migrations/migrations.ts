import { readFileSync } from 'node:fs';

const names = ['0001-first'];

/** The SQL of all migrations by name, in order. They only ever expand: an old pod keeps working beside a new schema,
 *  and there is no way down. Functions are not migrated but applied (`functions/`). */
export const migrations: Readonly<Record<string, string>> = Object.fromEntries(
  names.map((name) => [name, readFileSync(new URL(`${name}.sql`, import.meta.url), 'utf8')]),
);
