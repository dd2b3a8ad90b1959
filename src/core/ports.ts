import type { AuditEvent, AuditPage, AuditQuery } from './audit/audit-event.ts';
import type { AuditSelection, ChainStatus, ExportEntry } from './audit/audit-export.ts';
import type { Caller, SignedInCaller } from './caller.ts';
import type { Deadline } from './deadline.ts';
import type { GraphTrace } from './failure.ts';
import type { SeenConnection } from './operation/connection.ts';
import type { KeptAnswer, Operation, OperationChange, OperationStatus } from './operation/operation.ts';
import type { Secret } from './secret.ts';

/** The call that a port works for: how the other side hears of it, and by when it must be over. */
export type CallContext = {
  /** Ours; Entra ID and Graph hear it as `client-request-id`. */
  readonly requestId: string;
  readonly deadline: Deadline;
};

/** Who the caller is, and how to act for them. */
export type Identity = {
  /** Takes the values of all `Authorization` headers of a request, verifies the one bearer token in
   *  them, and tells who signed in. Waits for signing keys no longer than `deadline` allows. Fails with
   *  `token_missing`, `token_invalid` or `signing_keys_unavailable`. */
  authenticate(authorization: readonly string[], deadline: Deadline): Promise<SignedInCaller>;
  /** Trades the caller's token for one Graph accepts, acting as that caller, and never from a cache:
   *  a revoked session or a new access policy counts at once. Fails with `claims_required` when the
   *  caller must sign in again with more proof (RFC 9470; Entra's on-behalf-of error reference), or
   *  with another of the exchange's reasons. */
  exchangeAnew(signedIn: SignedInCaller, call: CallContext): Promise<Secret>;
  /** The same for reads, where a token that was exchanged a little earlier will do. Neither takes longer
   *  than the call's deadline allows. */
  exchangeForRead(signedIn: SignedInCaller, call: CallContext): Promise<Secret>;
};

/** How one call to Graph is known on both sides. */
export type GraphCall = {
  readonly token: Secret;
  /** Sent as `client-request-id`. */
  readonly requestId: string;
  readonly tenantId: string;
  /** The call is ended, not only its next try forbidden, when this is over. */
  readonly deadline: Deadline;
};

/** A call that acts. It is not sent any more once the clock has come to `sendBy` (milliseconds since the
 *  epoch), however long the connection took: the sender may no longer hold the slot. */
export type GraphAct = GraphCall & { readonly sendBy: number };

/** Graph took the disconnect on; `value` is a `chromeOSOnboardingStatus` as Graph said it. */
export type DisconnectAnswer = { readonly value: string; readonly graph: GraphTrace };

/** The tenant's connection as Graph shapes it: a collection with at most one member. */
export type ConnectionList = {
  readonly value: readonly object[];
  readonly seen: SeenConnection;
  readonly graph: GraphTrace;
};

/** Intune's ChromeOS connector, behind Microsoft Graph. Fails with one of Graph's reasons. */
export type Connector = {
  /** Ends the tenant's connection to Google's ChromeOS management. Sends the request once; where it
   *  can't be known whether Graph acted on it, fails with `outcome_unknown`. */
  disconnect(call: GraphAct): Promise<DisconnectAnswer>;
  list(call: GraphCall): Promise<ConnectionList>;
};

/** The record. An event is on it when `append` has returned, and only then. */
export type AuditTrail = {
  /** Gives who holds the slot of the event's tenant by then. Fails with `audit_unavailable`. */
  append(event: AuditEvent): Promise<Operation | null>;
  /** Fails with `audit_unavailable`, or `request_invalid` for a cursor that is none of ours. */
  find(query: AuditQuery): Promise<AuditPage>;
  /** The tenant's whole chain as it stands when the first entry is taken, oldest first. Holds a page at a
   *  time. Fails with `audit_unavailable` at any entry: only after the `end` is it complete. */
  export(selection: AuditSelection): AsyncIterable<ExportEntry>;
  /** Fails with `audit_unavailable`. */
  status(tenantId: string): Promise<ChainStatus>;
};

/** What opening an operation takes. `key` is the caller's idempotency key, scoped to tenant and caller. */
export type NewOperation = {
  readonly operation: Operation;
  readonly key: IdempotencyKey | null;
  /** For how long the slot is leased to the one who sends, in milliseconds; 0 where nobody sends. */
  readonly leaseMs: number;
  /** The tenant's newest operation when the connection was looked at: if it is another by now, the look
   *  is too old to act on. */
  readonly after: string | null;
  /** The status of the operation it supersedes, as seen: if it is another by now, nothing is opened. `null` where
   *  none is superseded. */
  readonly supersededStatus: OperationStatus | null;
};

export type IdempotencyKey = { readonly key: string; readonly fingerprint: string };

/** An operation found by its idempotency key. */
export type KeyedOperation = {
  readonly operation: Operation;
  readonly fingerprint: string;
  readonly answer: KeptAnswer | null;
};

/** What the database knows at one moment about a disconnect that is to begin. */
export type Standing = {
  /** The tenant's operation that was opened last; whoever holds the slot is this one. */
  readonly newest: Operation | null;
  /** Why disconnecting is switched off for the tenant; `null` where it is not. */
  readonly disabledBecause: string | null;
  /** What the caller has begun with this key before. */
  readonly earlier: KeyedOperation | null;
};

export type OperationQuery = {
  readonly tenantId: string;
  readonly status: OperationStatus | null;
  readonly limit: number;
  readonly cursor: string | null;
};

/** The operations, each at most one open per tenant. A move and its event become durable together or
 *  not at all. All fail with `audit_unavailable` where the database does not answer. */
export type Operations = {
  find(tenantId: string, id: string): Promise<Operation | null>;
  list(query: OperationQuery): Promise<{ operations: readonly Operation[]; nextCursor: string | null }>;
  /** Who holds the tenant's slot. */
  findOpen(tenantId: string): Promise<Operation | null>;
  /** What stands before a disconnect of this caller's begins. */
  standing(caller: Pick<Caller, 'oid' | 'tenantId'>, key: string | null): Promise<Standing>;
  /** By a key that has not expired. */
  findByKey(tenantId: string, oid: string, key: string): Promise<KeyedOperation | null>;
  /** Opens an operation with its first event, and takes over the slot of the one it supersedes.
   *  `slot_taken`: another one is open, or was since the look; `disabled`: disconnecting was switched off. */
  open(opening: NewOperation, event: AuditEvent): Promise<'opened' | 'slot_taken' | 'disabled'>;
  /** Moves an operation that still stands at `from`, with its event; `null` where it no longer does. */
  move(
    operation: Operation,
    to: OperationStatus,
    change: OperationChange,
    event: AuditEvent,
    leaseMs?: number,
  ): Promise<Operation | null>;
  /** True for one caller in `everyMs`, across replicas: that one may read Graph for the operation. */
  claimRead(id: string, everyMs: number): Promise<boolean>;
  /** Those whose sender's lease has ended, and those whose time for approval has. */
  overdue(): Promise<readonly Operation[]>;
  /** Why disconnecting is switched off for the tenant; `null` where it is not. */
  disabledBecause(tenantId: string): Promise<string | null>;
};

/** Waits, in milliseconds. */
export type Pause = (ms: number) => Promise<void>;

/** Milliseconds since the epoch. */
export type Clock = () => number;

/** Random UUIDs (RFC 9562, version 4). */
export type NewId = () => string;
