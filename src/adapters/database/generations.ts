import type pg from 'pg';

/** Which connections may still be used. When one is lost, so are all that were made before it: they lead to the same
 *  server. */
export class Generations {
  #current = Symbol();
  #someLost = false;
  readonly #madeIn = new WeakMap<pg.ClientBase, symbol>();

  /** A connection is being made. */
  add(client: pg.ClientBase): void {
    this.#madeIn.set(client, this.#current);
  }

  isCurrent(client: pg.ClientBase): boolean {
    return this.#madeIn.get(client) === this.#current;
  }

  /** This connection is lost, and all that were made before now; unless they were lost already. */
  lose(client: pg.ClientBase): void {
    if (this.isCurrent(client)) this.loseAll();
  }

  loseAll(): void {
    this.#current = Symbol();
    this.#someLost = true;
  }

  /** Whether a new connection is the first since some were lost: it may lead to another server. */
  isFirstSinceLoss(): boolean {
    const first = this.#someLost;
    this.#someLost = false;
    return first;
  }
}
