import type { Bench } from '../bench.ts';
import { type Entry, jobOf, warmUp } from '../compare.ts';
import { amount } from '../figures.ts';
import type { LoadResult } from '../load/job.ts';
import type { Part } from '../part.ts';
import { median, type Spread, spread, width } from '../statistics.ts';

const users = 1000;
// A tail is less steady than a rate: what is added to it can be seen when it varies by no more than itself.
const noisyWidth = 1;

/** Latency where nobody is pressed: at half of what ours can do, for bare and ours alike. Calls are due at
 *  fixed times, and each is timed from when it was due. */
export const latency: Part = {
  name: 'latency',
  what: "latency at half load: both at half of ours' most calls a second, in an open loop",
  async run(bench) {
    const { bare, ours } = await start(bench);
    const saturated = await bench.load.run(jobOf('read', ours, { seconds: bench.scale.seconds }));
    const rate = Math.round(saturated.perSecond / 2);
    const runs: { bare: LoadResult; ours: LoadResult }[] = [];
    for (let round = 1; round <= bench.scale.repetitions; round += 1) {
      bench.say(`${rate} calls/s, round ${round} of ${bench.scale.repetitions}`);
      const at = async (entry: Entry) =>
        bench.load.run({ ...jobOf('read', entry, { seconds: 2 * bench.scale.seconds }), rate });
      runs.push({ bare: await at(bare), ours: await at(ours) });
    }

    const of = (name: 'bare' | 'ours', at: 'p50' | 'p99'): Spread => spread(runs.map((run) => run[name][at]));
    const added = (at: 'p50' | 'p99') => median(runs.map((run) => run.ours[at] - run.bare[at]));
    const row = (name: 'bare' | 'ours') => [
      name,
      amount(rate, ''),
      ...(['p50', 'p99'] as const).flatMap((at) => {
        const { median: middle, min, max } = of(name, at);
        return [amount(middle, 'ms'), `${amount(min, '')} to ${amount(max, '')}`];
      }),
    ];
    return {
      figures: { addedP50: added('p50'), addedP99: added('p99') },
      rows: [['', 'calls/s', 'p50', '(of rounds)', 'p99', '(of rounds)'], row('bare'), row('ours')],
      data: { rate, saturated, runs },
      warnings:
        width(of('bare', 'p99')) > noisyWidth
          ? ["too noisy: bare's p99 lies further apart between rounds than it is long"]
          : [],
    };
  },
};

async function start(bench: Bench): Promise<{ bare: Entry; ours: Entry }> {
  const tokensFile = await bench.homeTokens(Math.min(users, bench.scale.tenants));
  const count = Math.min(users, bench.scale.tenants);
  const bare = { contestant: await bench.startContestant('bare'), tokensFile, users: count };
  const service = await bench.startService(await bench.createDatabase());
  const ours = { contestant: service, tokensFile, users: count };
  for (const entry of [bare, ours]) await warmUp(bench, 'read', entry);
  return { bare, ours };
}
