import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { SignedInCaller } from '../../core/caller.ts';
import type { Clock } from '../../core/ports.ts';
import type { Secret } from '../../core/secret.ts';
import type { GraphToken } from './token-exchange.ts';

// A token must outlive the call it is used for.
const expiryMarginMs = 60_000;

/** Where a token for a read came from: the cache, an exchange already under way, or a new one. */
export type CacheResult = 'hit' | 'shared' | 'miss';

/** Exchanged tokens for reads, in memory only: bounded by count, and in time by the earlier expiry of
 *  both tokens less a minute. A look-up costs the same whatever the cache holds. */
export class ExchangeCache {
  readonly #tokens: LRUCache<string, GraphToken & { usableUntil: number }>;
  readonly #underWay = new Map<string, Promise<GraphToken>>();
  readonly #scope: string;
  readonly #clock: Clock;
  readonly #onResult: (result: CacheResult) => void;

  constructor(options: {
    size: number;
    scope: string;
    clock: Clock;
    onResult: (result: CacheResult) => void;
  }) {
    this.#tokens = new LRUCache({ max: options.size });
    this.#scope = options.scope;
    this.#clock = options.clock;
    this.#onResult = options.onResult;
  }

  /** The caller's token from the cache, or from `exchange`, which runs once for any number of
   *  simultaneous calls with one assertion. Fails as `exchange` does; a failure is not kept. */
  async get(signedIn: SignedInCaller, exchange: () => Promise<GraphToken>): Promise<Secret> {
    // Hashed, so that a heap dump's keys are no tokens, and one length whatever the token's.
    const key = hash(
      'sha256',
      `${signedIn.caller.tenantId} ${this.#scope} ${signedIn.assertion.reveal()}`,
      'base64url',
    );
    const known = this.#tokens.get(key);
    if (known !== undefined && known.usableUntil > this.#clock()) {
      this.#onResult('hit');
      return known.token;
    }
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) {
      this.#onResult('shared');
      return (await underWay).token;
    }
    this.#onResult('miss');
    const started = exchange();
    this.#underWay.set(key, started);
    try {
      const token = await started;
      const usableUntil = Math.min(token.expiresAt, signedIn.expiresAt) - expiryMarginMs;
      if (usableUntil > this.#clock()) this.#tokens.set(key, { ...token, usableUntil });
      return token.token;
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** How many tokens it holds. */
  get size(): number {
    return this.#tokens.size;
  }
}
