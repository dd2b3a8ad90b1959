import type { AuditEvent, AuditPage, AuditQuery } from './audit-event.ts';
import type { SignedInCaller } from './caller.ts';
import type { GraphTrace } from './failure.ts';
import type { Secret } from './secret.ts';

/** Who the caller is, and how to act for them. */
export type Identity = {
  /** Takes the values of all `Authorization` headers of a request, verifies the one bearer token in
   *  them, and tells who signed in. Fails with `token_missing`, `token_invalid` or
   *  `signing_keys_unavailable`. */
  authenticate(authorization: readonly string[]): Promise<SignedInCaller>;
  /** Trades the caller's token for one Graph accepts, acting as that caller, and never from a cache:
   *  a revoked session or a new access policy counts at once. Fails with `claims_required` when the
   *  caller must sign in again with more proof (RFC 9470; Entra's on-behalf-of error reference), or
   *  with another of the exchange's reasons. */
  exchangeAnew(signedIn: SignedInCaller): Promise<Secret>;
  /** The same for reads, where a token that was exchanged a little earlier will do. */
  exchangeForRead(signedIn: SignedInCaller): Promise<Secret>;
};

/** How one call to Graph is known on both sides. */
export type GraphCall = {
  readonly token: Secret;
  /** Sent as `client-request-id`. */
  readonly requestId: string;
  readonly tenantId: string;
};

/** Graph took the disconnect on; `value` is a `chromeOSOnboardingStatus` as Graph said it. */
export type DisconnectAnswer = { readonly value: string; readonly graph: GraphTrace };

/** The tenant's connection as Graph shapes it: a collection with at most one member. */
export type ConnectionList = { readonly value: readonly object[]; readonly graph: GraphTrace };

/** Intune's ChromeOS connector, behind Microsoft Graph. Fails with one of Graph's reasons. */
export type Connector = {
  /** Ends the tenant's connection to Google's ChromeOS management. Sends the request once; where it
   *  can't be known whether Graph acted on it, fails with `outcome_unknown`. */
  disconnect(call: GraphCall): Promise<DisconnectAnswer>;
  list(call: GraphCall): Promise<ConnectionList>;
};

/** The record. An event is on it when `append` has returned, and only then. */
export type AuditTrail = {
  /** Fails with `audit_unavailable`. */
  append(event: AuditEvent): Promise<void>;
  /** Fails with `audit_unavailable`, or `request_invalid` for a cursor that is none of ours. */
  find(query: AuditQuery): Promise<AuditPage>;
};

/** Milliseconds since the epoch. */
export type Clock = () => number;

/** Random UUIDs (RFC 9562, version 4). */
export type NewId = () => string;
