import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { globalSetup, globalTeardown } from '../../test/support/global-setup.ts';
import { TEST_POSTGRES } from '../../test/support/postgres.ts';
import { childEnvironment } from '../child-environment.ts';
import { concernedTests } from './concerned-tests.ts';
import { type Coverage, readCoverage } from './coverage.ts';
import { equivalents } from './equivalents.ts';
import { type LoadedMutant, MUTANT } from './load-mutant.ts';
import { type Mutant, mutantsOf } from './mutants.ts';

const usage = `npm run test:mutation -- PATH... [--tests GLOB]... [--jobs N] [--at-least PERCENT] [--only TEXT]

Changes one place of the sources at a time, runs the tests that cover it, and tells which changes none of them
notices. PATH is a file or a folder of src; --only tries the changes whose description holds TEXT.`;

/** A test file, how long it takes in milliseconds, and what it covers. */
type Test = { readonly path: string; readonly tookMs: number; readonly covers: Coverage };

type Run = { readonly failed: boolean; readonly tookMs: number };

/** What the global setup tells tests. */
function postgresAccess(): Record<string, string> {
  const access = process.env[TEST_POSTGRES];
  return access === undefined ? {} : { [TEST_POSTGRES]: access };
}

async function runTest(path: string, environment: Record<string, string>, timeoutMs: number): Promise<Run> {
  const begun = performance.now();
  const hook = join(import.meta.dirname, 'load-mutant.ts');
  const child = spawn(process.execPath, ['--import', hook, '--test-reporter=dot', path], {
    env: childEnvironment({ ...postgresAccess(), ...environment }),
    stdio: 'ignore',
    timeout: Math.ceil(timeoutMs),
    killSignal: 'SIGKILL',
  });
  const [code] = await once(child, 'exit');
  return { failed: code !== 0, tookMs: performance.now() - begun };
}

/** Runs each test without a change: it has to pass, and shows what it covers. */
async function surveyTest(path: string): Promise<Test> {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-coverage-'));
  try {
    const { failed, tookMs } = await runTest(path, { NODE_V8_COVERAGE: folder }, 300_000);
    if (failed) throw new Error(`${path} fails without any change`);
    return { path, tookMs, covers: await readCoverage(folder) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

type Trial = { readonly change: string; readonly at: number; readonly mutant: LoadedMutant };

async function trialsIn(path: string): Promise<Trial[]> {
  const source = await readFile(path, 'utf8');
  const url = pathToFileURL(path).href;
  return mutantsOf(path, source).map(({ at, ...mutant }) => ({
    change: describe(path, source, mutant),
    at,
    mutant: { url, ...mutant },
  }));
}

/** The lines that change, as they were and as they are. */
function describe(path: string, source: string, { start, end, replacement }: Omit<Mutant, 'at'>): string {
  const from = source.lastIndexOf('\n', start - 1) + 1;
  const to = source.indexOf('\n', end);
  const line = (text: string) => text.replace(/\s+/g, ' ').trim();
  const shortened = (text: string) => (text.length > 160 ? `${text.slice(0, 157)}...` : text);
  const before = shortened(line(source.slice(from, to)));
  const after = shortened(line(source.slice(from, start) + replacement + source.slice(end, to)));
  return `${path}: ${before} -> ${after}`;
}

/** The test that notices the change, if there is one. */
async function noticedBy(trial: Trial, tests: readonly Test[]): Promise<Test | null> {
  for (const test of tests) {
    if (!test.covers(trial.mutant.url, trial.at)) continue;
    const timeoutMs = 20_000 + 5 * test.tookMs;
    const { failed } = await runTest(test.path, { [MUTANT]: JSON.stringify(trial.mutant) }, timeoutMs);
    if (failed) return test;
  }
  return null;
}

async function inParallel<Input>(
  inputs: readonly Input[],
  jobs: number,
  work: (input: Input) => Promise<void>,
) {
  const waiting = [...inputs];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

async function surveyTests(globs: readonly string[], jobs: number): Promise<Test[]> {
  const tests: Test[] = [];
  await inParallel(globSync([...globs]).sort(), jobs, async (path) => {
    tests.push(await surveyTest(path));
  });
  return tests.sort((one, other) => one.tookMs - other.tookMs);
}

/** Tries every change in one source; gives those that nobody noticed. */
async function tryFile(path: string, tests: readonly Test[], options: { jobs: number; only: string }) {
  const known = new Set(equivalents.map(({ change }) => change));
  const found = (await trialsIn(path)).filter(({ change }) => change.includes(options.only));
  const trials = found.filter(({ change }) => !known.has(change));
  const survivors: string[] = [];
  await inParallel(trials, options.jobs, async (trial) => {
    if ((await noticedBy(trial, tests)) === null) survivors.push(trial.change);
  });
  for (const change of survivors) console.log(`survived  ${change}`);
  console.log(
    `${path}: ${trials.length - survivors.length} of ${trials.length} noticed, ${found.length - trials.length} equivalent`,
  );
  return { tried: trials.length, survived: survivors.length };
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tests: { type: 'string', multiple: true },
      jobs: { type: 'string', default: String(availableParallelism()) },
      'at-least': { type: 'string', default: '95' },
      only: { type: 'string', default: '' },
    },
  });
  const paths = positionals.flatMap((path) =>
    path.endsWith('.ts') ? [path] : globSync(`${path}/**/*.ts`).sort(),
  );
  if (paths.length === 0) throw new Error(usage);
  const jobs = Number(values.jobs);
  const totals = { tried: 0, survived: 0 };
  await globalSetup();
  try {
    const surveyed = new Map<string, Test[]>();
    for (const path of paths) {
      const globs = values.tests ?? concernedTests.find(([folder]) => path.startsWith(folder))?.[1] ?? [];
      const key = globs.join();
      const tests = surveyed.get(key) ?? (await surveyTests(globs, jobs));
      surveyed.set(key, tests);
      const { tried, survived } = await tryFile(path, tests, { jobs, only: values.only });
      totals.tried += tried;
      totals.survived += survived;
    }
  } finally {
    await globalTeardown();
  }
  const share = totals.tried === 0 ? 100 : (100 * (totals.tried - totals.survived)) / totals.tried;
  console.log(`${totals.tried - totals.survived} of ${totals.tried} changes noticed: ${share.toFixed(1)} %`);
  if (share < Number(values['at-least'])) process.exitCode = 1;
}

await main();
