import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import {
  migratedDatabase,
  postgresAccess,
  TEST_POSTGRES,
  type TestDatabase,
  type TestPostgres,
} from '../../test/support/postgres.ts';
import type { Coverage } from './coverage.ts';
import { type LoadedMutant, MUTANT } from './load-mutant.ts';
import { mutantsOf } from './mutants.ts';
import { changesOfSql } from './sql-mutants.ts';

/** One change to be tried. */
export type Trial = {
  /** As the report prints it. */
  readonly change: string;
  /** Whether a test that covers this can notice it. */
  readonly isCovered: (coverage: Coverage) => boolean;
  /** Makes it ready; gives what a test's environment then needs, or `null` where it is no change of a program
   *  that could run. */
  readonly prepare: () => Promise<Record<string, string> | null>;
  readonly dispose: () => Promise<void>;
};

/** Every change of one file, be it a source or a function of the database. */
export async function trialsIn(path: string): Promise<Trial[]> {
  const source = await readFile(path, 'utf8');
  if (path.endsWith('.sql')) return changesOfSql(source).map((change) => sqlTrial(path, source, change));
  const url = pathToFileURL(path).href;
  return mutantsOf(path, source).map(({ at, ...mutant }) => ({
    change: describe(path, source, mutant),
    isCovered: (covers) => covers(url, at),
    prepare: async () => ({ [MUTANT]: JSON.stringify({ url, ...mutant } satisfies LoadedMutant) }),
    dispose: async () => {},
  }));
}

type Change = Pick<LoadedMutant, 'start' | 'end' | 'replacement'>;

/** Tests copy a database in which the function is changed. Nobody knows what of a function a test covers. */
function sqlTrial(path: string, source: string, change: Change): Trial {
  let database: TestDatabase | undefined;
  return {
    change: describe(path, source, change),
    isCovered: () => true,
    async prepare() {
      database = await migratedDatabase();
      const template = new URL(database.url).pathname.slice(1);
      const owner = new pg.Client({ connectionString: database.adminUrl });
      await owner.connect();
      try {
        await owner.query(source.slice(0, change.start) + change.replacement + source.slice(change.end));
        return {
          [TEST_POSTGRES]: JSON.stringify({ access: postgresAccess(), template } satisfies TestPostgres),
        };
      } catch {
        return null;
      } finally {
        await owner.end();
      }
    },
    dispose: async () => database?.drop(),
  };
}

/** The lines that change, as they were and as they are. */
function describe(path: string, source: string, { start, end, replacement }: Change): string {
  const from = source.lastIndexOf('\n', start - 1) + 1;
  const to = source.indexOf('\n', end);
  const line = (text: string) => text.replace(/\s+/g, ' ').trim();
  const shortened = (text: string) => (text.length > 160 ? `${text.slice(0, 157)}...` : text);
  const before = shortened(line(source.slice(from, to)));
  const after = shortened(line(source.slice(from, start) + replacement + source.slice(end, to)));
  return `${path}: ${before} -> ${after}`;
}

/** So many of them, chosen by their text: the same ones in each run, and no kind preferred. */
export function sampleOf<Item>(
  items: readonly Item[],
  count: number,
  textOf: (item: Item) => string,
): Item[] {
  const rank = (item: Item) => createHash('sha256').update(textOf(item)).digest('hex');
  return items
    .map((item) => [rank(item), item] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .slice(0, count)
    .map(([, item]) => item);
}
