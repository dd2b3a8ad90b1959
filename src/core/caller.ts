import type { Secret } from './secret.ts';

/** What acts: a person; an agent identity, be it through a user account of its own; an application by itself, on
 *  behalf of nobody; this service; or nobody that is known. */
export type CallerKind = 'user' | 'agent' | 'app' | 'system' | 'unknown';

/** Who asks, as their verified access token says. People are identified by `oid` within `tenantId`;
 *  the name is for display and the record only (it can be changed, and given to someone else). */
export type Caller = {
  readonly oid: string;
  readonly tenantId: string;
  /** As the token gives it (`preferred_username`, `upn` or `unique_name`); not an identifier. */
  readonly name: string | null;
  /** The portal the caller came through (`azp` in v2.0 tokens, `appid` in v1.0 tokens). */
  readonly clientId: string;
  readonly kind: CallerKind;
  /** A member of another tenant: `acct` is 1, or `idp` names another issuer. */
  readonly guest: boolean;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** Authentication contexts this sign-in has proven (`acrs`, such as `c1`). */
  readonly authenticationContexts: readonly string[];
};

/** Who acts, as far as the record names them. */
export type Actor = Pick<Caller, 'oid' | 'tenantId' | 'name' | 'clientId' | 'kind'>;

/** A caller together with the proof that lets us act for them: the assertion of the on-behalf-of
 *  flow, which is their verified access token. */
export type SignedInCaller = {
  readonly caller: Caller;
  readonly assertion: Secret;
  /** Stands for the assertion without being it: a hash, to keep things by. */
  readonly fingerprint: string;
  /** When the assertion expires, in milliseconds since the epoch. */
  readonly expiresAt: number;
};
