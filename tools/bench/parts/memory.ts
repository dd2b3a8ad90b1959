import { setTimeout as sleep } from 'node:timers/promises';
import { jobOf, warmUp } from '../compare.ts';
import { amount } from '../figures.ts';
import type { Part } from '../part.ts';
import { slope } from '../statistics.ts';

const users = 1000;
const samples = 20;
const restMs = 2000;
// Fewer calls say nothing about a million: the heap is still finding its size.
const enoughCalls = 1_000_000;

/** Resident memory at rest, with a thousand users, and over many calls. */
export const memory: Part = {
  name: 'memory',
  what: 'resident memory at rest, with 1,000 users, and over up to 1,000,000 calls',
  async run(bench) {
    const service = await bench.startService(await bench.createDatabase());
    await sleep(restMs);
    const atRest = await service.memory();
    const count = Math.min(users, bench.scale.manyUsers);
    const entry = { contestant: service, tokensFile: await bench.homeTokens(count), users: count };
    await warmUp(bench, 'read', entry);
    const withUsers = await service.memory();

    const calls = Math.ceil(bench.scale.memoryCalls / samples);
    const points: [number, number][] = [];
    for (let sample = 1; sample <= samples; sample += 1) {
      await bench.load.run(jobOf('read', entry, { calls }));
      await service.emptyLog();
      points.push([sample * calls, await service.memory()]);
      bench.say(`${amount(sample * calls, '')} calls: ${amount(points.at(-1)?.[1] ?? 0, 'MB')}`);
    }
    // The first half is the heap's own growing up.
    const { slope: perCall, error } = slope(points.slice(samples / 2));
    const [perMillion, noise] = [perCall * 1e6, 2 * error * 1e6];
    const most = Math.max(withUsers, ...points.map(([, size]) => size));
    return {
      figures: {
        memory1000: most,
        ...(bench.scale.memoryCalls < enoughCalls ? {} : { memoryGrowth: Math.max(0, perMillion - noise) }),
      },
      rows: [
        ['at rest', amount(atRest, 'MB')],
        ['with 1,000 users', amount(withUsers, 'MB')],
        [`over ${amount(bench.scale.memoryCalls, '')} calls, at most`, amount(most, 'MB')],
        ['slope of the second half', `${amount(perMillion, 'MB')} a million calls, ± ${amount(noise, '')}`],
      ],
      data: { atRest, withUsers, points, perMillion, noise },
      warnings:
        bench.scale.memoryCalls < enoughCalls
          ? ['too few calls to tell growth from noise: run it in full']
          : [],
    };
  },
};
