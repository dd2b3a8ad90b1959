import { CallFailed } from '../../core/failure.ts';

/** Lets only so many at once do something; the others wait, in the order they came. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async take<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  /** Fails with `audit_unavailable` where its turn does not come within `timeoutMs`; `work` is not begun then. */
  takeWithin<Value>(timeoutMs: number, work: () => Promise<Value>): Promise<Value> {
    const late = () =>
      new CallFailed({
        reason: 'audit_unavailable',
        cause: 'too many wait for the same lock',
        recorded: 'no',
      });
    return new Promise((resolve, reject) => {
      let overdue = false;
      const timer = setTimeout(() => {
        overdue = true;
        reject(late());
      }, timeoutMs);
      this.take(async () => {
        clearTimeout(timer);
        if (overdue) throw late();
        return work();
      }).then(resolve, reject);
    });
  }
}
