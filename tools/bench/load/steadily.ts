import { setTimeout as sleep } from 'node:timers/promises';

/** One answer: when its call began and ended, by `performance.now`, and its status; 0 where there was none. */
export type Answered = { readonly begun: number; readonly ended: number; readonly status: number };

/** Calls so often a second, whatever the answers, until it is stopped. */
export function callSteadily(perSecond: number, call: (number: number) => Promise<number>) {
  const answers: Answered[] = [];
  const underWay = new Set<Promise<unknown>>();
  let stopped = false;
  const loop = (async () => {
    const first = performance.now();
    for (let number = 0; !stopped; number += 1) {
      const at = first + (number * 1000) / perSecond;
      const wait = at - performance.now();
      if (wait > 0) await sleep(wait);
      const begun = performance.now();
      const one: Promise<unknown> = call(number)
        .catch(() => 0)
        .then((status) => answers.push({ begun, ended: performance.now(), status: Number(status) }))
        .finally(() => underWay.delete(one));
      underWay.add(one);
    }
  })();
  return {
    answers,
    async stop(): Promise<Answered[]> {
      stopped = true;
      await loop;
      await Promise.all(underWay);
      return answers;
    },
  };
}

/** A percentile of how long calls took, in milliseconds. */
export function percentile(answers: readonly Answered[], share: number): number {
  const times = answers.map(({ begun, ended }) => ended - begun).sort((one, other) => one - other);
  return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
}
