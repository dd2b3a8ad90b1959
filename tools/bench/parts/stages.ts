import type { Bench } from '../bench.ts';
import { type Entry, jobOf, warmUp } from '../compare.ts';
import type { Exposition } from '../exposition.ts';
import { amount } from '../figures.ts';
import type { Part } from '../part.ts';

const users = 300;
// What the service times by itself; a service that does not time one of them leaves its row out.
const stages = [
  ['the whole call', 'chromeos_bff_http_request_duration_seconds'],
  ['validation', 'chromeos_bff_token_validation_duration_seconds'],
  ['exchange', 'chromeos_bff_token_exchange_duration_seconds'],
  ['Graph', 'chromeos_bff_graph_request_duration_seconds'],
  ['audit', 'chromeos_bff_audit_write_duration_seconds'],
] as const;

type StageTimes = Readonly<Record<string, number>>;

/** Where a call's time goes, from the service's own metrics: with one caller, where nothing waits for
 *  anything else, and with 32. */
export const stagesOfACall: Part = {
  name: 'stages',
  what: "where a read's time goes, from the service's own metrics",
  async run(bench) {
    const contestant = await bench.startService(await bench.createDatabase());
    const entry = { contestant, tokensFile: await bench.homeTokens(users), users };
    await warmUp(bench, 'read', entry);
    const alone = await timesOf(bench, entry, contestant.metrics, 1);
    const together = await timesOf(bench, entry, contestant.metrics, 32);
    const rest = (times: StageTimes) =>
      (times['the whole call'] ?? Number.NaN) -
      (times.Graph ?? 0) -
      (times.audit ?? 0) -
      (times.exchange ?? 0);
    return {
      figures: {},
      rows: [
        ['mean time of', 'one connection', '32 connections'],
        ...Object.entries(alone).map(([name, time]) => [
          name,
          amount(Math.round(time), 'µs'),
          amount(Math.round(together[name] ?? 0), 'µs'),
        ]),
        ['all the rest', amount(Math.round(rest(alone)), 'µs'), amount(Math.round(rest(together)), 'µs')],
      ],
      data: { alone, together },
    };
  },
};

async function timesOf(
  bench: Bench,
  entry: Entry,
  metrics: () => Promise<Exposition>,
  connections: number,
): Promise<StageTimes> {
  const before = await metrics();
  await bench.load.run({ ...jobOf('read', entry, { seconds: 2 * bench.scale.seconds }), connections });
  const after = await metrics();
  const grown = (name: string) => after.sum(name) - before.sum(name);
  return Object.fromEntries(
    stages
      .filter(([, name]) => grown(`${name}_count`) > 0)
      .map(([stage, name]) => [stage, (grown(`${name}_sum`) / grown(`${name}_count`)) * 1e6]),
  );
}
