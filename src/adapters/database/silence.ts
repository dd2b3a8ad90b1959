/** Tells a slow server from one that is gone: by whether anything at all comes from it, on any connection. */
export class Silence {
  /** How long nothing must have come, in milliseconds. */
  readonly limitMs: number;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #doubt: PromiseWithResolvers<void> | null = null;

  constructor(limitMs: number) {
    this.limitMs = limitMs;
  }

  /** Something came from the server. */
  answered(): void {
    this.#answeredAt = performance.now();
    this.endDoubt();
  }

  /** Whether nothing came for the limit, since something was asked at `askedAt` (`performance.now`). */
  isSilentSince(askedAt: number): boolean {
    return performance.now() - Math.max(askedAt, this.#answeredAt) >= this.limitMs;
  }

  /** Until the doubt ends, nobody else asks the server. */
  beginDoubt(): void {
    this.#doubt ??= Promise.withResolvers();
  }

  endDoubt(): void {
    this.#doubt?.resolve();
    this.#doubt = null;
  }

  /** Resolves when there is no doubt. Fails as `timeout` does. */
  async undoubted(timeout: Promise<never>): Promise<void> {
    while (this.#doubt !== null) await Promise.race([this.#doubt.promise, timeout]);
  }
}
