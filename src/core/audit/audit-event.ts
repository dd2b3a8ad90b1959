import type { CallerKind } from '../caller.ts';
import type { FailureReason } from '../failure.ts';
import type { ConnectionState } from '../operation/connection.ts';
import { type OperationStatus, operationStatuses } from '../operation/life.ts';

/** What a caller set out to do. */
export const actions = [
  'sign_in',
  'disconnect',
  'approve',
  'reject',
  'withdraw',
  'read_connection',
  'read_operation',
  'read_audit',
  'read_profile',
  'switch_disconnect',
  'remove_audit_events',
  'acknowledge_lost_history',
] as const;
export type Action = (typeof actions)[number];

/** What an event records. An `attempt` is the move of an operation to `sent`, durable before Graph is asked to act;
 *  its `outcome` is the move out of it; every other `move` has an event of its own. A `read`, a `dry_run`, a
 *  `replayed` answer and a `refused` call have one each. `switched`, `removed` and `acknowledged` are an operator's:
 *  the switch, what retention took out of the trail, and that events were lost. */
export const eventKinds = [
  'attempt',
  'outcome',
  'move',
  'read',
  'dry_run',
  'replayed',
  'refused',
  'switched',
  'removed',
  'acknowledged',
] as const;
export type EventKind = (typeof eventKinds)[number];

/** How it ended. `accepted` is all that Graph's 200 promises. */
export const results = [...operationStatuses, 'pending', 'refused', 'succeeded'] as const;
export type Result = (typeof results)[number];

/** What acted; an `operator` acts by a command, not by a call. */
export const actorKinds = ['user', 'agent', 'app', 'operator', 'system', 'unknown'] as const satisfies (
  | CallerKind
  | 'operator'
)[];
export type ActorKind = (typeof actorKinds)[number];

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
    readonly kind: ActorKind;
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
  /** Why, as the caller wrote it. */
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly result: Result;
  /** `chromeOSOnboardingStatus` as Graph said it. */
  readonly value: string | null;
  /** Why it ended badly. */
  readonly failure: FailureReason | null;
  /** The move of the operation that this event is, and what it says of it. */
  readonly move: { readonly from: OperationStatus | null; readonly to: OperationStatus } | null;
  readonly explanation: string | null;
  /** The connection as it was before the act. */
  readonly connection: ConnectionState | null;
  readonly durationMs: number | null;
};

/** The trail of what belongs to no tenant. */
export const noTenant = 'none';

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
  /** `false`: events that only read are left out. */
  readonly reads: false | null;
  readonly limit: number;
  /** Where the page before this one ended. */
  readonly cursor: string | null;
};

/** Events, newest first, and where the next page begins (`null`: there is none). */
export type AuditPage = { readonly events: readonly AuditEvent[]; readonly nextCursor: string | null };

/** Someone on the trail, by the name that their newest event has. */
export type AuditActor = {
  readonly oid: string;
  readonly kind: ActorKind;
  readonly name: string;
  /** The time of their newest event. */
  readonly lastSeen: string;
};

/** Those found, the last seen first; `complete` is false where there are more, or more than can be looked through. */
export type AuditActors = { readonly actors: readonly AuditActor[]; readonly complete: boolean };
