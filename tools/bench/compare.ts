import type { Bench } from './bench.ts';
import type { Contestant } from './contestant-process.ts';
import { paths } from './contestants/contestant.ts';
import { amount } from './figures.ts';
import type { Job, LoadResult } from './load/job.ts';
import { type Spread, spread, width } from './statistics.ts';

/** A contestant under one load. */
export type Entry = {
  readonly contestant: Contestant;
  readonly tokensFile: string;
  readonly users: number;
};

export type Measured = {
  readonly name: Contestant['name'];
  readonly users: number;
  readonly perSecond: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  /** CPU of the contestant's own process for one call, in microseconds. */
  readonly cpu: Spread;
  /** CPU of the load generator for one call, in microseconds. */
  readonly generatorCpu: Spread;
};

/** Above this share between the slowest and the fastest run of *bare*, a run is too noisy to believe. */
const noisyWidth = 0.15;

/** Calls each in turn, several times over, so that whatever else the machine does meets all alike. */
export async function compare(
  bench: Bench,
  call: keyof typeof calls,
  entries: readonly Entry[],
  options: { repetitions?: number; around?: (entry: Entry, work: () => Promise<void>) => Promise<void> } = {},
): Promise<Measured[]> {
  const { repetitions = bench.scale.repetitions, around = (_entry, work) => work() } = options;
  const results = new Map(entries.map((entry) => [entry, [] as (LoadResult & { cpu: number })[]]));
  for (const entry of entries) await warmUp(bench, call, entry, (work) => around(entry, work));
  for (let round = 1; round <= repetitions; round += 1) {
    bench.say(`${call}, round ${round} of ${repetitions}`);
    for (const entry of entries) {
      await around(entry, async () => {
        const before = await entry.contestant.cpuSeconds();
        const result = await bench.load.run(jobOf(call, entry, { seconds: bench.scale.seconds }));
        const cpu = ((await entry.contestant.cpuSeconds()) - before) * 1e6;
        results.get(entry)?.push({ ...result, cpu: cpu / result.calls });
      });
    }
  }
  return [...results].map(([{ contestant, users }, runs]) => ({
    name: contestant.name,
    users,
    perSecond: spread(runs.map((run) => run.perSecond)),
    p50: spread(runs.map((run) => run.p50)),
    p99: spread(runs.map((run) => run.p99)),
    cpu: spread(runs.map((run) => run.cpu)),
    generatorCpu: spread(runs.map((run) => run.generatorCpu)),
  }));
}

const calls = {
  read: { method: 'GET', path: paths.read },
  disconnect: { method: 'POST', path: paths.disconnect },
} as const;

/** The usual load: 32 connections that are kept, and no pause between calls. */
export function jobOf(call: keyof typeof calls, entry: Entry, until: Job['until']): Job {
  return {
    ...calls[call],
    ports: [entry.contestant.port],
    tokensFile: entry.tokensFile,
    users: entry.users,
    connections: 32,
    until,
  };
}

/** Lets every user call once, so that what is kept for them or their tenant is, and the code be compiled. `around` is
 *  done for each of its two jobs: the second begins with users who have only just called. */
export async function warmUp(
  bench: Bench,
  call: keyof typeof calls,
  entry: Entry,
  around: (work: () => Promise<void>) => Promise<void> = (work) => work(),
): Promise<void> {
  bench.say(`warming up ${entry.contestant.name} with ${amount(entry.users, '')} users`);
  for (const until of [{ calls: entry.users }, { seconds: bench.scale.warmUpSeconds }]) {
    await around(async () => void (await bench.load.run(jobOf(call, entry, until))));
  }
}

/** How many times as fast as the other, by medians. */
export function ratio(measured: readonly Measured[], name: string, other: string, users: number): number {
  const of = (wanted: string) =>
    measured.find((one) => one.name === wanted && one.users === users)?.perSecond.median ?? Number.NaN;
  return of(name) / of(other);
}

export function rowsOf(measured: readonly Measured[]): string[][] {
  return [
    ['', 'users', 'calls/s', '(spread)', 'p50', 'p99', 'own CPU/call', 'of bare'],
    ...measured.map(({ name, users, perSecond, p50, p99, cpu }) => [
      name,
      amount(users, ''),
      amount(Math.round(perSecond.median), ''),
      `±${Math.round(width(perSecond) * 50)} %`,
      amount(p50.median, 'ms'),
      amount(p99.median, 'ms'),
      amount(Math.round(cpu.median), 'µs'),
      amount(ratio(measured, name, 'bare', users), '×'),
    ]),
  ];
}

export function noiseIn(measured: readonly Measured[]): string[] {
  return measured
    .filter(({ name, perSecond }) => name === 'bare' && width(perSecond) > noisyWidth)
    .map(
      ({ users, perSecond }) =>
        `too noisy: runs of bare (N = ${amount(users, '')}) lie ${Math.round(width(perSecond) * 100)} % apart`,
    );
}
