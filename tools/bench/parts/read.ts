import type { Bench } from '../bench.ts';
import { compare, type Entry, type Measured, noiseIn, ratio, rowsOf } from '../compare.ts';
import type { Contestant } from '../contestant-process.ts';
import type { Part } from '../part.ts';

// Its exchange scans a cache on each call: to warm it up with more users takes longer than anyone waits.
const mostUsersOfSample = 2000;

/** Reading the connection: all four, side by side. */
export const read: Part = {
  name: 'read',
  what: 'GET the connection, against raw, bare and the usual sample stack',
  async run(bench) {
    const contestants = await startAll(bench);
    const measured: Measured[] = [];
    // Few users before many: *sample* gets slower with everyone it has ever seen.
    for (const users of bench.scale.users.toSorted((one, other) => one - other)) {
      const entries = await entriesFor(bench, contestants, users);
      measured.push(...(await compare(bench, 'read', entries)));
    }
    const [one, thousand] = [1, 1000];
    return {
      figures: {
        ...figure('read1', ratio(measured, 'ours', 'bare', one)),
        ...figure('read1000', ratio(measured, 'ours', 'bare', thousand)),
        ...figure('sample1', ratio(measured, 'ours', 'sample', one)),
        ...figure('sample1000', ratio(measured, 'ours', 'sample', thousand)),
      },
      rows: rowsOf(measured),
      data: measured,
      warnings: noiseIn(measured),
    };
  },
};

async function startAll(bench: Bench): Promise<Contestant[]> {
  const database = await bench.createDatabase();
  const cacheSize = Math.max(20_000, ...bench.scale.users);
  return Promise.all([
    bench.startContestant('raw'),
    bench.startContestant('bare'),
    bench.startContestant('sample'),
    bench.startService(database, { EXCHANGE_CACHE_SIZE: String(cacheSize) }),
  ]);
}

async function entriesFor(bench: Bench, contestants: readonly Contestant[], users: number): Promise<Entry[]> {
  const tokensFile = await bench.homeTokens(users);
  return contestants
    .filter(({ name }) => name !== 'sample' || users <= mostUsersOfSample)
    .map((contestant) => ({ contestant, tokensFile, users }));
}

function figure<Name extends string>(name: Name, value: number): Partial<Record<Name, number>> {
  return Number.isNaN(value) ? {} : ({ [name]: value } as Record<Name, number>);
}
