import { setTimeout as sleep } from 'node:timers/promises';
import { type Entry, jobOf, warmUp } from '../compare.ts';
import { amount } from '../figures.ts';
import type { Part } from '../part.ts';
import { spread } from '../statistics.ts';

const users = 300;
// Until the load has the service busy, and until well after it has gone (in production it drains for 5 s).
const busyMs = 500;
const loadSeconds = 8;

/** How long it takes to begin and to end. */
export const lifecycle: Part = {
  name: 'lifecycle',
  what: 'start to ready, and shutting down under load',
  async run(bench) {
    const database = await bench.createDatabase();
    const starts: number[] = [];
    for (let start = 1; start <= bench.scale.starts; start += 1) {
      const service = await bench.startService(database);
      starts.push(service.readyAfterMs / 1000);
      await service.close();
    }

    const service = await bench.startService(database);
    const entry: Entry = { contestant: service, tokensFile: await bench.homeTokens(users), users };
    await warmUp(bench, 'read', entry);
    bench.say('shutting down under load');
    const load = bench.load.run(jobOf('read', entry, { seconds: loadSeconds }), { anyAnswer: true });
    await sleep(busyMs);
    const stoppedAt = performance.now();
    service.process.kill('SIGTERM');
    const code = await service.process.exited;
    const shutdown = (performance.now() - stoppedAt) / 1000;
    const { outcomes } = await load;
    const { refused = 0, untaken = 0, broken = 0, 200: answered = 0 } = outcomes;
    const start = spread(starts);
    return {
      figures: { startToReady: start.median },
      rows: [
        [
          'start to ready',
          amount(start.median, 's'),
          `${amount(start.min, '')} to ${amount(start.max, 's')}`,
        ],
        ['shutdown under load', amount(shutdown, 's'), 'of which it drains for 5 s', `exit code ${code}`],
        ['', `${amount(answered, '')} calls answered`, `${amount(broken, '')} broken`],
        ['', `${amount(untaken, '')} sent to a connection that was never taken up`],
        ['', `${amount(refused, '')} refused, since it no longer listened`],
      ],
      data: { starts, shutdown, code, outcomes },
      warnings: broken > 0 ? [`${broken} calls were sent and had no answer while it shut down`] : [],
    };
  },
};
