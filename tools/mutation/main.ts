import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { globalSetup, globalTeardown } from '../../test/support/global-setup.ts';
import { dropTestDatabases, postgresAccess } from '../../test/support/postgres.ts';
import { concernedTests, mutatedFolders } from './concerned-tests.ts';
import { equivalents } from './equivalents.ts';
import { inParallel } from './in-parallel.ts';
import { TestOrder } from './test-order.ts';
import { runTest, surveyTests, type Test } from './tests.ts';
import { sampleOf, type Trial, trialsIn } from './trials.ts';

const usage = `npm run test:mutation -- [PATH]... [--tests GLOB]... [--jobs N] [--at-least PERCENT] [--only TEXT] [--sample N]

Changes one place of the sources at a time, runs the tests that cover it, and tells which changes none of them
notices. PATH is a file or a folder of src (${mutatedFolders.join(', ')} where none is given); --only tries the
changes whose description holds TEXT, --sample so many of each PATH. Exits with 1 where less than PERCENT (95) of
any PATH's are noticed.`;

type Options = { readonly jobs: number; readonly only: string; readonly sample: number };
type Tally = { tried: number; survived: number; late: number };
/** `late`: only a test noticed it that did not end in time. A machine that is too busy makes such of others. */
type Result = 'noticed' | 'late' | 'survived';

/** The tests that are asked about a file; each set is run once to see what it covers. */
function testsFor(override: readonly string[] | undefined, jobs: number) {
  const surveyed = new Map<string, Promise<Test[]>>();
  return (path: string): Promise<Test[]> => {
    const globs = override ?? concernedTests.find(([start]) => path.startsWith(start))?.[1] ?? [];
    const tests = surveyed.get(globs.join()) ?? surveyTests(globs, jobs);
    surveyed.set(globs.join(), tests);
    return tests;
  };
}

/** `null` where the change is none. */
async function resultOf(trial: Trial, tests: readonly Test[], order: TestOrder): Promise<Result | null> {
  try {
    const environment = await trial.prepare();
    if (environment === null) return null;
    for (const test of order.of(tests)) {
      if (!trial.isCovered(test.coverage)) continue;
      const { failed, late } = await runTest(test.path, environment, 20_000 + 5 * test.tookMs);
      order.learn(test, failed);
      if (failed) return late ? 'late' : 'noticed';
    }
    return 'survived';
  } finally {
    await trial.dispose();
  }
}

/** Tries changes in one file or all files of a folder, and prints those that nobody noticed. */
async function tryPath(path: string, tests: ReturnType<typeof testsFor>, options: Options): Promise<Tally> {
  const files = /\.\w+$/.test(path) ? [path] : globSync(`${path}/**/*.{ts,sql}`).sort();
  const known = new Set(equivalents.map(({ change }) => change));
  const found = (await Promise.all(files.filter((file) => !isSnapshot(file)).map(trialsOf))).flat();
  const wanted = found.filter(({ trial }) => trial.change.includes(options.only));
  const trials = wanted.filter(({ trial }) => !known.has(trial.change));
  const chosen = sampleOf(trials, options.sample, ({ trial }) => trial.change);
  const tallies = new Map<string, Tally>();
  const orders = new Map<string, TestOrder>();
  const total: Tally = { tried: 0, survived: 0, late: 0 };
  await inParallel(inFileOrder(chosen), options.jobs, async ({ file, trial }) => {
    const order = orders.get(file) ?? new TestOrder();
    orders.set(file, order);
    const result = await resultOf(trial, await tests(file), order);
    // Processes that ended at their first failure have left theirs.
    if (options.jobs === 1) await dropTestDatabases(postgresAccess());
    if (result === null) return;
    const tally = tallies.get(file) ?? { tried: 0, survived: 0, late: 0 };
    tallies.set(file, tally);
    for (const one of [tally, total]) {
      one.tried += 1;
      if (result !== 'noticed') one[result] += 1;
    }
    if (result !== 'noticed') console.log(`${result.padEnd(8)}  ${trial.change}`);
  });
  for (const [file, tally] of tallies) console.log(`${file}: ${told(tally)}`);
  console.log(`${path}: ${told(total)}, ${wanted.length - trials.length} equivalent and not tried`);
  return total;
}

const trialsOf = async (file: string) => (await trialsIn(file)).map((trial) => ({ file, trial }));

/** What is made from the others. Nobody changes an applied migration, and what one makes is in the snapshot. */
function isSnapshot(file: string): boolean {
  return file.endsWith('schema.sql') || /\/migrations\/.*\.sql$/.test(file);
}

function inFileOrder<Item extends { readonly file: string }>(items: readonly Item[]): Item[] {
  return items.toSorted((one, other) => one.file.localeCompare(other.file));
}

function told(tally: Tally): string {
  const { tried, survived, late } = tally;
  const byTime = late === 0 ? '' : `, ${late} by a test that was late`;
  return `${tried - survived} of ${tried} noticed (${shareOf(tally).toFixed(1)} %${byTime})`;
}

function shareOf({ tried, survived }: Tally): number {
  return tried === 0 ? 100 : (100 * (tried - survived)) / tried;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tests: { type: 'string', multiple: true },
      jobs: { type: 'string', default: String(availableParallelism()) },
      'at-least': { type: 'string', default: '95' },
      only: { type: 'string', default: '' },
      sample: { type: 'string', default: 'Infinity' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const options = { jobs: Number(values.jobs), only: values.only, sample: Number(values.sample) };
  await globalSetup();
  try {
    const tests = testsFor(values.tests, options.jobs);
    for (const path of positionals.length === 0 ? mutatedFolders : positionals) {
      const tally = await tryPath(path, tests, options);
      if (shareOf(tally) < Number(values['at-least'])) process.exitCode = 1;
    }
  } finally {
    await globalTeardown();
  }
}

await main();
