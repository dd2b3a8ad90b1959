import { availableParallelism } from 'node:os';
import type { Bench } from '../bench.ts';
import { jobOf, warmUp } from '../compare.ts';
import { databaseCpuSeconds } from '../database.ts';
import { amount } from '../figures.ts';
import type { Part } from '../part.ts';
import type { BenchService } from '../service.ts';
import { spread, width } from '../statistics.ts';

// Two services, PostgreSQL, the upstream and the load, each with a core to itself, and one to spare.
const coresWanted = 6;
const users = 300;

type Run = { perSecond: number; service: number; database: number; upstream: number; generator: number };

/** One replica and two on one database. Where there are fewer cores than processes it shows what each
 *  process costs, from which follows on paper what they would do with cores of their own. */
export const replicas: Part = {
  name: 'replicas',
  what: 'GET the connection with one replica and with two on one database',
  async run(bench) {
    const database = await bench.createDatabase();
    const tokensFile = await bench.homeTokens(users);
    const both = [await bench.startService(database), await bench.startService(database)] as const;
    for (const contestant of both) await warmUp(bench, 'read', { contestant, tokensFile, users });

    const runs: Record<'one' | 'two', Run[]> = { one: [], two: [] };
    for (let round = 1; round <= bench.scale.repetitions; round += 1) {
      bench.say(`round ${round} of ${bench.scale.repetitions}`);
      runs.one.push(await measure(bench, tokensFile, [both[0]]));
      runs.two.push(await measure(bench, tokensFile, both));
    }
    const of = (name: 'one' | 'two', what: keyof Run) => spread(runs[name].map((run) => run[what]));
    const ratio = of('two', 'perSecond').median / of('one', 'perSecond').median;
    const row = (name: 'one' | 'two') => [
      name,
      amount(Math.round(of(name, 'perSecond').median), ''),
      `±${Math.round(width(of(name, 'perSecond')) * 50)} %`,
      ...(['service', 'database', 'upstream', 'generator'] as const).map((what) =>
        amount(Math.round(of(name, what).median), 'µs'),
      ),
    ];
    const alone = 1e6 / of('one', 'service').median;
    const databaseCores = (2 * alone * of('two', 'database').median) / 1e6;
    const cores = availableParallelism();
    const enough = cores >= coresWanted;
    return {
      figures: enough ? { replicas: ratio } : {},
      rows: [
        ['', 'calls/s', '(spread)', 'CPU/call: service', 'database', 'upstream', 'load'],
        row('one'),
        row('two'),
        [],
        [`on these ${cores} cores`, amount(ratio, '×')],
        [
          'on paper',
          `${amount(Math.round(alone), '')} and ${amount(Math.round(2 * alone), '')} calls/s with a core for each service, and ${amount(databaseCores, '')} cores for the database`,
        ],
      ],
      data: { cores, ratio, runs, onPaper: { alone, databaseCores } },
      warnings: enough
        ? []
        : [`two replicas against one cannot be seen on ${cores} cores: they share what one had to itself`],
    };
  },
};

async function measure(bench: Bench, tokensFile: string, services: readonly BenchService[]): Promise<Run> {
  const costs = async () => ({
    service: (await Promise.all(services.map((one) => one.cpuSeconds()))).reduce((sum, one) => sum + one, 0),
    database: (await databaseCpuSeconds(bench.postgres)) ?? Number.NaN,
    upstream: (await bench.upstream.stand()).cpuSeconds,
  });
  const [first] = services;
  if (first === undefined) throw new Error('there is no service to measure');
  const before = await costs();
  const result = await bench.load.run({
    ...jobOf('read', { contestant: first, tokensFile, users }, { seconds: bench.scale.seconds }),
    ports: services.map(({ port }) => port),
    connections: 32 * services.length,
  });
  const after = await costs();
  const each = (what: keyof typeof before) => ((after[what] - before[what]) * 1e6) / result.calls;
  return {
    perSecond: result.perSecond,
    service: each('service'),
    database: each('database'),
    upstream: each('upstream'),
    generator: result.generatorCpu,
  };
}
