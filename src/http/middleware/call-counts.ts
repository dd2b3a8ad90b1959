/** How often a key was counted, and when its window ends, in milliseconds of the same clock. */
export type Window = { calls: number; endsAt: number };

/** Counts calls by key, in memory, in windows that begin with a key's first call. The library we used
 *  before made a promise and an answer for each call, and kept a timer for each key. */
export class CallCounts {
  readonly #windowMs: number;
  // In two generations: a key that was not counted for a whole window has expired, and is dropped with the older one.
  #recent = new Map<string, Window>();
  #older = new Map<string, Window>();
  #turnsAt = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Counts one call now, by a monotonic clock, and gives the window it falls into. */
  count(key: string, now: number): Readonly<Window> {
    if (now >= this.#turnsAt) {
      this.#older = this.#recent;
      this.#recent = new Map();
      this.#turnsAt = now + this.#windowMs;
    }
    const window = this.#windowOf(key);
    if (now >= window.endsAt) {
      window.calls = 0;
      window.endsAt = now + this.#windowMs;
    }
    window.calls += 1;
    return window;
  }

  /** How many keys it holds. */
  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  #windowOf(key: string): Window {
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const window = this.#older.get(key) ?? { calls: 0, endsAt: 0 };
    this.#recent.set(key, window);
    return window;
  }
}
