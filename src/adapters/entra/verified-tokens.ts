import { hash, type KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Caller } from '../../core/caller.ts';
import type { Clock } from '../../core/ports.ts';

/** What a token was found to say, and with which key. */
export type VerifiedToken = {
  readonly caller: Caller;
  readonly keyId: string;
  readonly key: KeyObject;
  /** `exp`, in milliseconds since the epoch. */
  readonly expiresAt: number;
};

/** Tokens whose every check has passed, so that a portal's many calls with one token cost one check. The
 *  checks depend on the token's text, on the key, and on time. So an entry answers for the very same text
 *  only, whoever asks must hold its key against the tenant's present ones, and from `exp` on each call is
 *  checked in full again. In memory only, bounded by count. */
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

/** Stands for one `Authorization` header without being it: a heap dump's keys are no tokens. */
export function fingerprintOf(authorization: string): string {
  return hash('sha256', authorization, 'base64url');
}
