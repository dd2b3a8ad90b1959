import type { Test } from './tests.ts';

/** In which order tests are asked about the changes of one file: first those that, by what they noticed of it so far,
 *  notice most in the time they take. */
export class TestOrder {
  readonly #asked = new Map<Test, number>();
  readonly #noticed = new Map<Test, number>();

  of(tests: readonly Test[]): Test[] {
    return tests.toSorted((one, other) => this.#worth(other) - this.#worth(one));
  }

  learn(test: Test, noticed: boolean): void {
    this.#asked.set(test, (this.#asked.get(test) ?? 0) + 1);
    if (noticed) this.#noticed.set(test, (this.#noticed.get(test) ?? 0) + 1);
  }

  /** The share it notices, by Laplace's rule of succession, in each millisecond. */
  #worth(test: Test): number {
    return ((this.#noticed.get(test) ?? 0) + 1) / ((this.#asked.get(test) ?? 0) + 2) / test.tookMs;
  }
}
