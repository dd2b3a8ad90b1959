import { hash, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Caller } from '../../core/caller.ts';
import type { Clock } from '../../core/ports.ts';

/** A token's verified content, and the key it was verified with. */
export type VerifiedToken = {
  readonly caller: Caller;
  readonly keyId: string;
  readonly key: KeyObject;
  /** `exp`, in milliseconds since the epoch. */
  readonly expiresAt: number;
};

/** Tokens whose every check has passed, so that a portal's many calls with one token cost one check. The
 *  checks depend on the token's text, on the key, and on time. So an entry is used for exactly the same text
 *  only, its key must be checked against the tenant's current ones, and after `exp` each call is
 *  verified in full again. In memory only, bounded by count. */
export class VerifiedTokens {
  readonly #tokens: LRUCache<string, VerifiedToken>;
  readonly #clock: Clock;

  constructor({ size, clock }: { size: number; clock: Clock }) {
    this.#tokens = new LRUCache({ max: size });
    this.#clock = clock;
  }

  find(fingerprint: string): VerifiedToken | null {
    const known = this.#tokens.get(fingerprint);
    return known !== undefined && known.expiresAt > this.#clock() ? known : null;
  }

  keep(fingerprint: string, token: VerifiedToken): void {
    this.#tokens.set(fingerprint, token);
  }
}

/** A fingerprint of one `Authorization` header, so that a heap dump shows no tokens as keys. */
export function fingerprintOf(authorization: string): string {
  return hash('sha256', authorization, 'base64url');
}
