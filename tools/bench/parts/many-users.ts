import { compare, noiseIn, ratio, rowsOf } from '../compare.ts';
import { amount } from '../figures.ts';
import type { Part } from '../part.ts';

/** A read with a hundred thousand users, all of whom are in the cache; and the same service with one. */
export const manyUsers: Part = {
  name: 'many-users',
  what: 'GET the connection with 100,000 users, the cache full of them (several minutes)',
  async run(bench) {
    const { manyUsers: many } = bench.scale;
    const tokensFile = await bench.homeTokens(many);
    const [bare, few, full] = [
      await bench.startContestant('bare'),
      await bench.startService(await bench.createDatabase()),
      await bench.startService(await bench.createDatabase(), { EXCHANGE_CACHE_SIZE: String(many) }),
    ];
    const atRest = await full.memory();
    const measured = await compare(bench, 'read', [
      { contestant: bare, tokensFile, users: 1 },
      { contestant: few, tokensFile, users: 1 },
      { contestant: bare, tokensFile, users: many },
      { contestant: full, tokensFile, users: many },
    ]);
    const metrics = await full.metrics();
    const cached = metrics.sum('chromeos_bff_token_exchange_cache_entries');
    const misses = metrics.sum('chromeos_bff_token_exchange_cache_total', { result: 'miss' });
    const memoryFull = await full.memory();
    const perSecond = (users: number) =>
      measured.find((one) => one.name === 'ours' && one.users === users)?.perSecond.median ?? Number.NaN;
    return {
      figures: {
        readMany: ratio(measured, 'ours', 'bare', many),
        readManyAgainstOne: perSecond(many) / perSecond(1),
        memoryMany: memoryFull,
      },
      rows: [
        ...rowsOf(measured),
        [],
        ['cached', amount(cached, ''), 'exchanges', amount(misses, '')],
        ['memory', amount(atRest, 'MB'), 'at rest', amount(memoryFull, 'MB'), 'full'],
      ],
      data: { measured, cached, misses, memory: { atRest, full: memoryFull } },
      warnings: [
        ...noiseIn(measured),
        ...(misses === many
          ? []
          : [`${misses} exchanges for ${many} users: the cache did not hold them all`]),
      ],
    };
  },
};
