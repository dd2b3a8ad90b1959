import { readFile, statfs } from 'node:fs/promises';
import type { Bench } from '../bench.ts';
import { type BenchDatabase, databaseSize } from '../database.ts';
import { amount } from '../figures.ts';
import { measureHorizon } from '../growth/horizon.ts';
import { type Ask, asksOf, growTrail, type Landmarks } from '../growth/trail.ts';
import type { Part } from '../part.ts';
import type { BenchService } from '../service.ts';
import { median } from '../statistics.ts';

// By experience, with all indexes.
const bytesPerRow = 2000;

/** The audit trail with few rows and with many: what a reader waits for must not grow with it. */
export const growth: Part = {
  name: 'growth',
  what: 'the audit trail, before and after it has grown; appends while somebody holds the horizon',
  async run(bench) {
    const { few, many } = bench.scale.rows;
    const free = await freeBytes(bench.postgres.dataDir);
    if (free < 1.5 * many * bytesPerRow) {
      throw new Error(
        `${amount(many, '')} rows need ${amount((1.5 * many * bytesPerRow) / 1e9, 'GB')} of disk`,
      );
    }
    const held = await measureHorizon(bench, bench.scale.heldCommits);
    const database = await bench.createDatabase();
    const service = await bench.startService(database);
    const token = await firstToken(bench);
    const before = await timesAt(bench, database, service, token, few);
    const after = await timesAt(bench, database, service, token, many);
    const ratios = Object.keys(before).map((ask) => (after[ask] ?? Number.NaN) / (before[ask] ?? Number.NaN));
    return {
      figures: { growth: Math.max(...ratios), horizon: held.last / held.first },
      rows: [
        ['median of', `${amount(few, '')} events`, `${amount(many, '')} events`, ''],
        ...Object.entries(before).map(([ask, time]) => [
          ask,
          amount(time, 'ms'),
          amount(after[ask] ?? Number.NaN, 'ms'),
          amount((after[ask] ?? Number.NaN) / time, '×'),
        ]),
        ['size of the database', '', amount((await databaseSize(bench.postgres, database.name)) / 1e9, 'GB')],
        [],
        ['', 'at first', `after ${amount(held.commits, '')} commits`, ''],
        [
          'an append, the horizon held',
          amount(held.first, 'ms'),
          amount(held.last, 'ms'),
          amount(held.last / held.first, '×'),
        ],
      ],
      data: { few, many, before, after, held },
    };
  },
};

async function timesAt(
  bench: Bench,
  database: BenchDatabase,
  service: BenchService,
  token: string,
  rows: number,
): Promise<Record<string, number>> {
  const landmarks: Landmarks = await growTrail(database, rows, (done) =>
    bench.say(`${amount(done, '')} of ${amount(rows, '')} events generated`),
  );
  const times: Record<string, number> = {};
  for (const ask of asksOf(landmarks, bench.scale.rows.few)) {
    bench.say(`${ask.what}, among ${amount(rows, '')} events`);
    times[ask.what] = await timeOf(service, token, ask);
  }
  return times;
}

async function timeOf(service: BenchService, token: string, ask: Ask): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round <= ask.rounds; round += 1) {
    const begun = performance.now();
    const response = await fetch(`http://127.0.0.1:${service.port}${ask.path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (response.status !== 200) throw new Error(`${ask.path} was answered with ${response.status}`);
    const lines = await read(response, ask.lines);
    times.push(performance.now() - begun);
    if (lines < ask.lines) throw new Error(`${ask.path} gave ${lines} events instead of ${ask.lines}`);
  }
  // The first one finds nothing in memory, and the code not compiled.
  return median(times.slice(1));
}

/** Reads an answer, an export no further than so many lines; gives how many events there were. */
async function read(response: Response, lines: number): Promise<number> {
  if (response.headers.get('content-type')?.includes('ndjson') !== true) {
    return ((await response.json()) as { events: unknown[] }).events.length;
  }
  let seen = 0;
  for await (const chunk of response.body ?? []) {
    for (const byte of chunk) if (byte === 10) seen += 1;
    // Leaving the loop gives the rest up, and the service stops exporting.
    if (seen >= lines) break;
  }
  return seen;
}

async function firstToken(bench: Bench): Promise<string> {
  const text = await readFile(await bench.homeTokens(1), 'latin1');
  return text.trim();
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
