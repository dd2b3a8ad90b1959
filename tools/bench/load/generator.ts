/** The load generator: a process of its own that gets messages (`Job`) and answers each with
 *  a `LoadResult`. It ends with the process that started it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpConnection, type Outcome } from './http-connection.ts';
import type { Job, LoadResult } from './job.ts';
import { Latencies } from './latencies.ts';

// A server that no longer listens is asked again at leisure.
const refusedPauseMs = 20;

const tokens = new Map<string, string[]>();
/** Which user was last, by how many there are. */
const positions = new Map<number, number>();

process.on('disconnect', () => process.exit(0));
process.on('message', async (job: Job) => {
  try {
    process.send?.({ result: await run(job) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : 'unknown' });
  }
});

async function run(job: Job): Promise<LoadResult> {
  const nextRequest = requestsOf(job);
  const tally = new Tally();
  const connections = Array.from(
    { length: job.connections },
    (_, index) => new HttpConnection(job.ports[index % job.ports.length] ?? 0),
  );
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  try {
    if (job.rate === undefined) await closedLoop(job, connections, nextRequest, tally);
    else await openLoop(job, job.rate, connections, nextRequest, tally);
  } finally {
    for (const connection of connections) connection.close();
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return tally.result((performance.now() - begun) / 1000, user + system);
}

/** Each connection sends its next call as soon as it has had its answer. */
async function closedLoop(
  job: Job,
  connections: readonly HttpConnection[],
  nextRequest: () => string,
  tally: Tally,
): Promise<void> {
  const mayBegin = limitOf(job);
  const loops = connections.map(
    (connection) =>
      new Promise<void>((ended) => {
        const next = () => {
          if (!mayBegin()) return ended();
          const begun = performance.now();
          connection.send(nextRequest(), (outcome) => {
            tally.add(outcome, performance.now() - begun);
            if (outcome === 'refused') setTimeout(next, refusedPauseMs);
            else next();
          });
        };
        next();
      }),
  );
  await Promise.all(loops);
}

/** Calls are due at fixed times. One that finds no connection free waits, and its latency counts from when
 *  it was due: a slow answer must not make the next call look fast. */
async function openLoop(
  job: Job,
  rate: number,
  connections: readonly HttpConnection[],
  nextRequest: () => string,
  tally: Tally,
): Promise<void> {
  const idle = [...connections];
  const waiting: number[] = [];
  const mayBegin = limitOf(job);
  const begun = performance.now();
  let scheduled = 0;
  let underWay = 0;
  const sendDue = () => {
    while (waiting.length > 0 && idle.length > 0) {
      const due = waiting.shift() ?? 0;
      const connection = idle.pop();
      if (connection === undefined) return;
      underWay += 1;
      connection.send(nextRequest(), (outcome) => {
        underWay -= 1;
        tally.add(outcome, performance.now() - due);
        idle.push(connection);
        sendDue();
      });
    }
  };
  for (let open = true; open || underWay > 0 || waiting.length > 0; ) {
    const now = performance.now();
    while (open && begun + (scheduled / rate) * 1000 <= now) {
      open = mayBegin();
      if (open) waiting.push(begun + (scheduled / rate) * 1000);
      scheduled += 1;
    }
    sendDue();
    // One millisecond is the finest a timer gives; the wait for it is in everyone's latency alike.
    await sleep(1);
  }
}

function limitOf({ until }: Job): () => boolean {
  if ('seconds' in until) {
    const end = performance.now() + until.seconds * 1000;
    return () => performance.now() < end;
  }
  let left = until.calls;
  return () => left-- > 0;
}

function requestsOf(job: Job): () => string {
  const all = tokensIn(job.tokensFile);
  if (all.length < job.users) throw new Error(`there are ${all.length} tokens for ${job.users} users`);
  const before = `${job.method} ${job.path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\nuser-agent: bench\r\n${
    job.method === 'POST' ? 'content-length: 0\r\n' : ''
  }authorization: Bearer `;
  const next = walkRound(job.users);
  return () => {
    const token = all[next()] ?? '';
    return `${before}${token}\r\n\r\n`;
  };
}

/** The users in an order that jumps about and comes to each once before it comes to any again. It goes on
 *  where the last job with as many users has ended: short jobs are not always to meet the same few. */
function walkRound(users: number): () => number {
  const stride = strideFor(users);
  return () => {
    const at = ((positions.get(users) ?? 0) + stride) % users;
    positions.set(users, at);
    return at;
  };
}

/** Near the golden section, and with no divisor in common. */
function strideFor(users: number): number {
  let stride = Math.max(1, Math.round(users * 0.618));
  while (greatestDivisor(stride, users) > 1) stride += 1;
  return stride;
}

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other);
}

function tokensIn(file: string): string[] {
  const known = tokens.get(file);
  if (known !== undefined) return known;
  const read = readFileSync(file, 'latin1').trimEnd().split('\n');
  // One file is in use at a time, and the largest has 100,000 tokens.
  tokens.clear();
  tokens.set(file, read);
  return read;
}

class Tally {
  readonly #latencies = new Latencies();
  readonly #outcomes: Record<string, number> = {};

  add(outcome: Outcome, milliseconds: number): void {
    this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
    if (typeof outcome === 'number') this.#latencies.add(milliseconds);
  }

  result(seconds: number, cpuMicroseconds: number): LoadResult {
    const calls = this.#latencies.count;
    return {
      calls,
      seconds,
      perSecond: calls / seconds,
      outcomes: this.#outcomes,
      ...this.#latencies.summary(),
      generatorCpu: cpuMicroseconds / Math.max(1, calls),
    };
  }
}
