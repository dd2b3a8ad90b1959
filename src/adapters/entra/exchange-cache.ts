import { LRUCache } from 'lru-cache';
import type { SignedInCaller } from '../../core/caller.ts';
import type { Deadline } from '../../core/deadline.ts';
import { CallFailed } from '../../core/failure.ts';
import type { Clock } from '../../core/ports.ts';
import type { Secret } from '../../core/secret.ts';
import { endsBy } from './ends-by.ts';
import type { GraphToken } from './token-exchange.ts';

// A token must outlive the call it is used for.
const expiryMarginMs = 60_000;

/** Where a token for a read came from: the cache, an exchange already under way, or a new one. */
export type CacheResult = 'hit' | 'shared' | 'miss';

type Exchange = () => Promise<GraphToken>;
type KeptToken = { readonly token: Secret; readonly tenantId: string; readonly usableUntil: number };

/** Exchanged tokens of one scope for reads, in memory only: bounded by count, and in time by the earlier
 *  expiry of both tokens less a minute. A look-up costs the same whatever the cache holds. */
export class ExchangeCache {
  // Keyed by the assertion's fingerprint, so that a heap dump shows no tokens as keys. The verified tokens use the same
  // string as their key, so it is in memory once.
  readonly #tokens: LRUCache<string, KeptToken>;
  readonly #underWay = new Map<string, Promise<GraphToken>>();
  readonly #clock: Clock;
  readonly #onResult: (result: CacheResult) => void;

  constructor(options: {
    size: number;
    clock: Clock;
    onResult: (result: CacheResult) => void;
  }) {
    this.#tokens = new LRUCache({ max: options.size });
    this.#clock = options.clock;
    this.#onResult = options.onResult;
  }

  /** The caller's token from the cache, or from `exchange`, which runs once for any number of
   *  simultaneous calls with one assertion. Each waits no longer than its own deadline allows. Fails as
   *  `exchange` does; a failure is not kept. */
  async get(signedIn: SignedInCaller, deadline: Deadline, exchange: Exchange): Promise<Secret> {
    const { fingerprint } = signedIn;
    const { tenantId } = signedIn.caller;
    const known = this.#tokens.get(fingerprint);
    if (known !== undefined && known.tenantId === tenantId && known.usableUntil > this.#clock()) {
      this.#onResult('hit');
      return known.token;
    }
    const key = `${tenantId} ${fingerprint}`;
    const underWay = this.#underWay.get(key);
    this.#onResult(underWay === undefined ? 'miss' : 'shared');
    const { token } = await endsBy(deadline, underWay ?? this.#begin(key, signedIn, exchange), tooLate);
    return token;
  }

  #begin(key: string, signedIn: SignedInCaller, exchange: Exchange): Promise<GraphToken> {
    const begun = exchange()
      .then((graphToken) => {
        this.#keep(signedIn, graphToken);
        return graphToken;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, begun);
    // Everyone who waits gets the failure; all of them may have left by then.
    begun.catch(() => {});
    return begun;
  }

  #keep({ fingerprint, caller, expiresAt }: SignedInCaller, exchanged: GraphToken): void {
    const usableUntil = Math.min(exchanged.expiresAt, expiresAt) - expiryMarginMs;
    if (usableUntil <= this.#clock()) return;
    this.#tokens.set(fingerprint, { token: exchanged.token, tenantId: caller.tenantId, usableUntil });
  }

  /** How many tokens it holds. */
  get size(): number {
    return this.#tokens.size;
  }
}

function tooLate(): CallFailed {
  const cause = 'the time for the call was over before the exchange was';
  return new CallFailed({ reason: 'identity_unavailable', retryAfterMs: null, cause });
}
