import type { FailureReason } from './failure.ts';

/** What a caller set out to do. */
export type Action = 'disconnect' | 'read_connection' | 'read_audit' | 'read_profile';

/** Where an event stands in the life of a call: an `attempt` is durable before Graph is asked to
 *  act, its `outcome` says how that ended; a `read` and a `refused` call have one event each. */
export type EventKind = 'attempt' | 'outcome' | 'read' | 'refused';

/** How it ended. `accepted` is all that Graph's 200 promises. */
export type Result = 'pending' | 'accepted' | 'failed' | 'unknown' | 'refused' | 'succeeded';

/** One line of the audit trail. Times are ISO 8601 in UTC; durations are in milliseconds. */
export type AuditEvent = {
  readonly id: string;
  readonly time: string;
  readonly event: EventKind;
  readonly action: Action;
  /** What an attempt and its outcome have in common. */
  readonly operationId: string | null;
  readonly tenantId: string;
  readonly actor: {
    readonly oid: string;
    readonly tenantId: string;
    readonly name: string | null;
    readonly clientId: string;
  };
  readonly source: { readonly address: string };
  /** The id we gave the call, which is also Graph's `client-request-id` (and the `correlationId` of
   *  Intune's own audit events). */
  readonly requestId: string;
  readonly graphRequestId: string | null;
  /** Why, in the caller's words; never sent on. */
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly result: Result;
  /** `chromeOSOnboardingStatus` as Graph said it. */
  readonly value: string | null;
  /** Why it ended badly. */
  readonly failure: FailureReason | null;
  readonly durationMs: number | null;
};

/** Which events a reader wants; all given conditions hold at once. */
export type AuditQuery = {
  readonly tenantId: string;
  /** From this time on, inclusive. */
  readonly from: Date | null;
  /** Before this time, exclusive. */
  readonly to: Date | null;
  readonly actor: string | null;
  readonly event: EventKind | null;
  readonly operationId: string | null;
  readonly limit: number;
  /** Where the page before this one ended. */
  readonly cursor: string | null;
};

/** Events, newest first, and where the next page begins (`null`: there is none). */
export type AuditPage = { readonly events: readonly AuditEvent[]; readonly nextCursor: string | null };
