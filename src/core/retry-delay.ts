/** Between two tries towards the same service, whatever it asks for; in milliseconds. */
const shortestMs = 1000;

/** How long to wait before another try, in milliseconds: what the other side asked for (`null`: nothing), or
 *  a base that doubles with each try, and never less than a second. Up to half the base more, so that those
 *  who failed together do not come back together. `attempt` counts from 0, `random` is in [0, 1). */
export function retryDelayMs(attempt: number, askedMs: number | null, random: number): number {
  const base = shortestMs * 2 ** attempt;
  return Math.max(shortestMs, askedMs ?? base) + (base / 2) * random;
}
