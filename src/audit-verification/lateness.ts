/** How long events waited for the first signed checkpoint that covers them. Until then the owner of the database could
 *  have rewritten them. */
export class Lateness {
  #uncovered: { from: number; to: number; oldest: number } | null = null;

  /** An event of a time, in milliseconds since the epoch. */
  event(number: number, time: number): void {
    if (Number.isNaN(time)) return;
    const { from, oldest } = this.#uncovered ?? { from: number, oldest: time };
    this.#uncovered = { from, to: number, oldest: Math.min(oldest, time) };
  }

  /** Everything up to now is covered by a checkpoint of that time; gives what waited for it. */
  covered(time: number): Waited | null {
    const waited = this.#uncovered;
    this.#uncovered = null;
    return waited && { from: waited.from, to: waited.to, ms: time - waited.oldest };
  }

  /** What is not covered, and how long it has waited by that time. */
  waiting(now: number): Waited | null {
    const waiting = this.#uncovered;
    return waiting && { from: waiting.from, to: waiting.to, ms: now - waiting.oldest };
  }
}

export type Waited = { readonly from: number; readonly to: number; readonly ms: number };

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** A length of time in its largest unit: `27 days`. */
export function inWords(ms: number): string {
  const [unit, length] = units.find(([, each]) => ms >= each) ?? (['second', 1000] as const);
  const count = Math.floor(ms / length);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
