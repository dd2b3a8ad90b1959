import { closeSync, openSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { childEnvironment } from '../child-environment.ts';
import { startCommand } from '../start-command.ts';
import { spawnWatched, type WatchedProcess } from '../watched-process.ts';
import type { Contestant } from './contestant-process.ts';
import { Exposition } from './exposition.ts';

/** The service as `npm start` runs it: built, in a process of its own, with its log in a file. */
export type BenchService = Contestant & {
  readonly process: WatchedProcess;
  readonly managementPort: number;
  /** From the start of its process to the first readiness, in milliseconds. */
  readonly readyAfterMs: number;
  metrics(): Promise<Exposition>;
  /** Resident memory, in MB. */
  memory(): Promise<number>;
  /** Empties the log: a million calls would fill half a gigabyte. */
  emptyLog(): Promise<void>;
  /** What is in the log, by lines. */
  readLog(): Promise<Record<string, unknown>[]>;
};

const pollMs = 5;
const startDeadlineMs = 30_000;

/** Starts the service that was built into `folder` and waits until it is ready. */
export async function startService(
  folder: string,
  logFile: string,
  environment: Readonly<Record<string, string>>,
  profileFolder: string | null,
): Promise<BenchService> {
  const output = openSync(logFile, 'a', 0o600);
  const begun = performance.now();
  const profiling = profileFolder === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const child = await spawnWatched([process.execPath, ...profiling, ...startCommand.slice(1)], {
    cwd: folder,
    env: childEnvironment(environment),
    output,
    lastSignal: 'SIGKILL',
  });
  closeSync(output);
  const readLog = async () =>
    (await readFile(logFile, 'utf8'))
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const waitFor = async <Value>(find: () => Promise<Value | undefined>): Promise<Value> => {
    for (;;) {
      const found = await find();
      if (found !== undefined) return found;
      if (!child.running() || performance.now() - begun > startDeadlineMs) {
        child.kill('SIGKILL');
        throw new Error(
          `the service did not become ready: ${(await readFile(logFile, 'utf8')).slice(-2000)}`,
        );
      }
      await sleep(pollMs);
    }
  };

  const { port, managementPort } = await waitFor(async () =>
    (await readLog()).find((line) => line.msg === 'listening'),
  );
  const management = `http://127.0.0.1:${managementPort}`;
  await waitFor(async () => ((await fetch(`${management}/readyz`)).ok ? true : undefined));
  const readyAfterMs = performance.now() - begun;

  const metrics = async () => new Exposition(await (await fetch(`${management}/metrics`)).text());
  return {
    name: 'ours',
    port: Number(port),
    managementPort: Number(managementPort),
    process: child,
    readyAfterMs,
    metrics,
    cpuSeconds: async () => (await metrics()).sum('process_cpu_seconds_total'),
    memory: async () => (await metrics()).sum('process_resident_memory_bytes') / 1e6,
    emptyLog: () => truncate(logFile),
    readLog,
    async close() {
      // It has nothing to lose but a profile, and a drain takes seconds.
      child.kill(profileFolder === null ? 'SIGKILL' : 'SIGTERM');
      await child.exited;
    },
  };
}

/** Where the log of the service with that name goes. */
export const logFileIn = (folder: string, name: string): string => join(folder, `${name}.log`);
