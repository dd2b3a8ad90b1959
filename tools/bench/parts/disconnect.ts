import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { compare, type Entry, jobOf, noiseIn, rowsOf } from '../compare.ts';
import { type BenchDatabase, readCommits } from '../database.ts';
import { amount } from '../figures.ts';
import type { Part } from '../part.ts';
import type { BenchService } from '../service.ts';
import { tenantNumber } from '../tokens.ts';

// Often enough for a thousand tenants at some thousands of calls a second.
const closeEveryMs = 50;

/** Disconnecting: what it costs, and what it asks of everyone else. */
export const disconnect: Part = {
  name: 'disconnect',
  what: 'POST disconnect in 1,000 tenants: throughput, upstream calls, commits, CPU',
  async run(bench) {
    const database = await bench.createDatabase();
    const tenants = Array.from({ length: bench.scale.tenants }, (_, index) => tenantNumber(index));
    const ours = await bench.startService(database, { ALLOWED_TENANT_IDS: tenants.join(',') });
    const entry = { contestant: ours, tokensFile: await bench.tenantTokens(), users: tenants.length };
    const homeTokens = await bench.homeTokens(tenants.length);
    const others: Entry[] = (
      await Promise.all((['raw', 'bare', 'sample'] as const).map(bench.startContestant))
    ).map((contestant) => ({ contestant, tokensFile: homeTokens, users: tenants.length }));

    const measured = await compare(bench, 'disconnect', [...others, entry], {
      around: (one, work) => (one === entry ? withTenantsFreed(database, work) : work()),
    });
    const each = await countOnce(bench, database, ours, entry);
    const cpu = (measured.find(({ name }) => name === 'ours')?.cpu.median ?? Number.NaN) / 1000;
    return {
      figures: { upstreamCalls: each.upstreamCalls, commits: each.durableCommits, disconnectCpu: cpu },
      rows: [
        ...rowsOf(measured),
        [],
        [
          'one disconnect',
          'exchange',
          amount(each.token, ''),
          'list',
          amount(each.list, ''),
          'act',
          amount(each.act, ''),
        ],
        [
          '',
          'durable commits',
          amount(each.durableCommits, ''),
          'all transactions',
          amount(each.transactions, ''),
        ],
      ],
      data: { measured, each },
      warnings: noiseIn(measured),
    };
  },
};

/** One disconnect in every tenant, counted: the upstream's calls, the database's commits. */
async function countOnce(bench: Bench, database: BenchDatabase, ours: BenchService, entry: Entry) {
  bench.say('counting what one disconnect takes');
  const client = await database.connect();
  await freeTenants(client);
  await client.end();
  const before = { ...(await bench.upstream.stand()).calls };
  const commitsBefore = await readCommits(bench.postgres, database.name);
  const done = await bench.load.run(jobOf('disconnect', entry, { calls: entry.users }));
  const commits = await readCommits(bench.postgres, database.name);
  const { calls } = await bench.upstream.stand();
  const each = (total: number) => Math.round((total / done.calls) * 100) / 100;
  return {
    upstreamCalls: each(
      calls.token + calls.list + calls.disconnect - before.token - before.list - before.disconnect,
    ),
    token: each(calls.token - before.token),
    list: each(calls.list - before.list),
    act: each(calls.disconnect - before.disconnect),
    durableCommits: each(await commits.durable(commitsBefore.position)),
    transactions: each(commits.all - commitsBefore.all),
    process: ours.name,
  };
}

/** Ends operations behind the load, as if each had been watched to its end, so that its tenant's slot is
 *  free when its turn comes again. */
async function withTenantsFreed(database: BenchDatabase, work: () => Promise<void>): Promise<void> {
  const client = await database.connect();
  const closing = { done: false };
  const loop = (async () => {
    while (!closing.done) {
      await freeTenants(client);
      await sleep(closeEveryMs);
    }
  })();
  try {
    await work();
  } finally {
    closing.done = true;
    await loop;
    await freeTenants(client);
    await client.end();
  }
}

async function freeTenants(client: Awaited<ReturnType<BenchDatabase['connect']>>): Promise<void> {
  await client.query("update operations set status = 'completed' where status in ('accepted', 'unknown')");
}
