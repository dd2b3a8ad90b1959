import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_POSTGRES } from '../../test/support/postgres.ts';
import { childEnvironment } from '../child-environment.ts';
import { type Coverage, readCoverage } from './coverage.ts';
import { inParallel } from './in-parallel.ts';

/** A test file, how long it takes in milliseconds, and what it covers. */
export type Test = { readonly path: string; readonly tookMs: number; readonly coverage: Coverage };

/** `late`: it was ended because its time was over, which is to have failed. */
type Run = { readonly failed: boolean; readonly late: boolean; readonly tookMs: number };

/** What the global setup tells tests. */
function postgresAccess(): Record<string, string> {
  const access = process.env[TEST_POSTGRES];
  return access === undefined ? {} : { [TEST_POSTGRES]: access };
}

/** Runs one test file until a test in it fails; one that takes longer than `timeoutMs` has failed. */
export async function runTest(
  path: string,
  environment: Record<string, string>,
  timeoutMs: number,
): Promise<Run> {
  const begun = performance.now();
  const [hook, reporter] = ['load-mutant.ts', 'stop-at-failure.ts'].map((name) =>
    join(import.meta.dirname, name),
  );
  const child = spawn(process.execPath, ['--import', `${hook}`, `--test-reporter=${reporter}`, path], {
    env: childEnvironment({ ...postgresAccess(), ...environment }),
    stdio: 'ignore',
    timeout: Math.ceil(timeoutMs),
    killSignal: 'SIGKILL',
  });
  const [code, signal] = await once(child, 'exit');
  return { failed: code !== 0, late: signal === 'SIGKILL', tookMs: performance.now() - begun };
}

/** Runs each test without a change: it has to pass, and shows what it covers. */
export async function surveyTests(globs: readonly string[], jobs: number): Promise<Test[]> {
  const tests: Test[] = [];
  await inParallel(globSync([...globs]).sort(), jobs, async (path) => {
    const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-coverage-'));
    try {
      const { failed, tookMs } = await runTest(path, { NODE_V8_COVERAGE: folder }, 300_000);
      if (failed) throw new Error(`${path} fails without any change`);
      tests.push({ path, tookMs, coverage: await readCoverage(folder) });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
  return tests;
}
