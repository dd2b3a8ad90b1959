import type { Backlog, BacklogEntry, Pause } from '../core/ports.ts';

export type BacklogOptions = {
  readonly pause: Pause;
  /** Called for each entry as it comes in, and again when it is on the record. */
  readonly onWaiting: (entry: BacklogEntry) => void;
  readonly onWritten: (entry: BacklogEntry) => void;
};

// An operation holds its tenant's slot, so that there are at most as many as there are tenants.
const firstPauseMs = 250;
const longestPauseMs = 5000;

/** Known results that could not be written yet: each is retried, with growing pauses, until it is on the record or
 *  the process ends. */
export class WriteBacklog implements Backlog {
  readonly #options: BacklogOptions;
  readonly #waiting = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  /** How many are waiting. */
  get size(): number {
    return this.#waiting.size;
  }

  add(entry: BacklogEntry, write: () => Promise<unknown>): void {
    this.#options.onWaiting(entry);
    const trying = this.#tryUntilWritten(entry, write).finally(() => this.#waiting.delete(trying));
    this.#waiting.add(trying);
  }

  /** Stops retrying: the process is about to end, and everything is in the log. */
  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when none waits. */
  async settled(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.all(this.#waiting);
  }

  async #tryUntilWritten(entry: BacklogEntry, write: () => Promise<unknown>): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      await this.#options.pause(pauseMs);
      if (this.#stopped) return;
      try {
        await write();
        this.#options.onWritten(entry);
        return;
      } catch {
        // It was reported when it came in; the next try may succeed.
      }
    }
  }
}
