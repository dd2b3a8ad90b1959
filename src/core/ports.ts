import type { AuditActors, AuditEvent, AuditPage, AuditQuery } from './audit/audit-event.ts';
import type { AuditSelection, ChainStatus, ExportEntry } from './audit/audit-export.ts';
import type { Caller, SignedInCaller } from './caller.ts';
import type { Deadline } from './deadline.ts';
import type { Failure, GraphTrace } from './failure.ts';
import type { SeenConnection } from './operation/connection.ts';
import type { OperationStatus } from './operation/life.ts';
import type { Operation, OperationChange, StoredOperation } from './operation/operation.ts';
import type { KeptOutcome } from './operation/outcome.ts';
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
   *  them, and returns who signed in. Waits for signing keys no longer than `deadline` allows. Fails with
   *  `token_missing`, `token_invalid` or `signing_keys_unavailable`. */
  authenticate(authorization: readonly string[], deadline: Deadline): Promise<SignedInCaller>;
  /** Trades the caller's token for one Graph accepts, acting as that caller, and never from a cache:
   *  a revoked session or a new access policy counts at once. Fails with `claims_required` when the
   *  caller must sign in again with more proof (RFC 9470; Entra's on-behalf-of error reference), or
   *  with another of the exchange's reasons. */
  exchangeUncached(signedIn: SignedInCaller, call: CallContext): Promise<Secret>;
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

/** What an act brings for Intune's Multi Admin Approval: why it should be approved, or the code of an approval. */
export type IntuneProof = { readonly justification: string } | { readonly code: string };

/** A call that acts. `proof` is `null` where Intune has not asked for one. `permit` is asked when the connection to
 *  Graph is there, directly before the request is written; where it fails, nothing is sent and the call fails with the
 *  same reason. */
export type GraphAct = GraphCall & {
  readonly proof: IntuneProof | null;
  readonly permit: () => Promise<void>;
};

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
   *  cannot be known whether Graph acted on it, fails with `outcome_unknown`. */
  disconnect(call: GraphAct): Promise<DisconnectAnswer>;
  list(call: GraphCall): Promise<ConnectionList>;
  /** The `status` of Intune's request for approval with this code, which may be one we do not know; `null` where Intune
   *  shows no such request. */
  approvalRequest(call: GraphCall & { readonly code: string }): Promise<string | null>;
};

/** The record. An event is on it when `append` has returned, and only then. */
export type AuditTrail = {
  /** Fails with `audit_unavailable`. */
  append(event: AuditEvent): Promise<void>;
  /** Fails with `audit_unavailable`, or `request_invalid` for a cursor that did not come from here. */
  find(query: AuditQuery): Promise<AuditPage>;
  /** Who acted in the tenant and has that in their name, in whatever case. Fails with `audit_unavailable`. */
  findActors(tenantId: string, name: string): Promise<AuditActors>;
  /** The tenant's whole chain as it is when the first entry is taken, oldest first. Holds a page at a
   *  time. Fails with `audit_unavailable` at any entry: only after the `end` is it complete. */
  export(selection: AuditSelection): AsyncIterable<ExportEntry>;
  /** Fails with `audit_unavailable`. */
  status(tenantId: string): Promise<ChainStatus>;
};

/** The record of reads of the connection, which may settle what is open. */
export type RecordedReads = {
  /** Puts the event on the record, and returns the operation that holds its tenant's slot by then: one round
   *  trip for both. Fails with `audit_unavailable`. */
  append(event: AuditEvent): Promise<StoredOperation | null>;
};

/** What is known and could not be written. */
export type Backlog = {
  /** Tries `write` until it succeeds or the process ends. `entry` is logged once, in full. Never fails. */
  add(entry: BacklogEntry, write: () => Promise<unknown>): void;
};

/** An `outcome` of an act; or, for an attempt that may be on record, that it was never sent (`unsent`). */
export type BacklogEntry = {
  readonly kind: 'outcome' | 'unsent';
  readonly event: AuditEvent;
  /** Why it could not be written. */
  readonly failure: Failure;
};

/** What opening an operation takes. Its times come from the database's clock. */
export type NewOperation = {
  readonly operation: Pick<
    Operation,
    'id' | 'tenantId' | 'requester' | 'reason' | 'ticket' | 'connection' | 'requestId' | 'supersedes'
  > & { readonly status: 'sent' | 'awaiting_approval' };
  /** The caller's idempotency key, scoped to tenant and caller. */
  readonly key: IdempotencyKey | null;
  /** What a repetition hears at once; `null` while there is no outcome. */
  readonly answer: KeptOutcome | null;
  /** For how long the slot is leased to the one who sends, in milliseconds; 0 where nobody sends. */
  readonly leaseMs: number;
  /** For how long it can be approved and executed, in milliseconds; `null` where nobody has to approve. */
  readonly approvalMs: number | null;
  /** The tenant's newest operation before the connection was read: if it is another by now, the read is
   *  too old to act on. */
  readonly expectedNewestId: string | null;
  /** The status in which the operation to supersede was seen: it must still have it. */
  readonly supersededStatus: OperationStatus | null;
  readonly event: AuditEvent;
};

/** A move and its event, ready to be written; however often it is written, it happens once. */
export type PreparedMove = {
  /** The status it was seen in is where the move starts. */
  readonly operation: Pick<Operation, 'id' | 'status'>;
  readonly to: OperationStatus;
  readonly change: OperationChange;
  /** For how long the slot is leased to the one who sends, in milliseconds. */
  readonly leaseMs: number;
  /** Whether it is only allowed before the time for approval has ended. */
  readonly inTime: boolean;
  /** Whether the operation has then ended. */
  readonly ends: boolean;
  readonly event: AuditEvent;
};

/** What is to be sent. `neededMs`: how long Graph may take for it, in milliseconds. */
export type PermittedSending = { readonly neededMs: number; readonly mayBeFiled: boolean };

/** Why a move did not happen: another was quicker, the time for approval has ended, or disconnecting was
 *  switched off before it could be sent. */
export type MoveRefusal = 'moved_already' | 'too_late' | 'disabled';

/** An operation of which nobody knows whether it is on record, and that was not sent. */
export type UnsentOperation = {
  readonly operation: Pick<Operation, 'id' | 'tenantId' | 'status' | 'requestId'>;
  readonly to: OperationStatus;
  readonly change: OperationChange;
  /** Whether the operation has then ended. */
  readonly ends: boolean;
  readonly event: AuditEvent;
};

export type IdempotencyKey = { readonly key: string; readonly fingerprint: string };

/** An operation found by its idempotency key. */
export type KeyedOperation = {
  readonly operation: StoredOperation;
  readonly fingerprint: string;
  readonly answer: KeptOutcome | null;
};

/** What the database knows at one moment about a disconnect that is to begin. */
export type DisconnectPreconditions = {
  /** The tenant's operation that was opened last; the one that holds the slot, if there is one, is this. */
  readonly newest: StoredOperation | null;
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

type PersonInTenant = Pick<Caller, 'oid' | 'tenantId'>;

/** The operations, each at most one open per tenant. A move and its event become durable together or
 *  not at all. All fail with `audit_unavailable` where the database does not answer. */
export type Operations = {
  find(tenantId: string, id: string): Promise<StoredOperation | null>;
  list(query: OperationQuery): Promise<{ operations: readonly Operation[]; nextCursor: string | null }>;
  /** The operation that holds the tenant's slot. */
  findOpen(tenantId: string): Promise<StoredOperation | null>;
  loadPreconditions(caller: PersonInTenant, key: string | null): Promise<DisconnectPreconditions>;
  /** By a key that has not expired. */
  findByKey(caller: PersonInTenant, key: string): Promise<KeyedOperation | null>;
  /** Opens an operation with its first event, and takes over the slot of the one it supersedes.
   *  `slot_taken`: another one is open, or was since the read; `disabled`: disconnecting was switched off. */
  open(opening: NewOperation): Promise<StoredOperation | 'slot_taken' | 'disabled'>;
  /** Moves an operation that still has the status it was seen in, with its event. */
  move(move: PreparedMove): Promise<StoredOperation | MoveRefusal>;
  /** Whether an operation that was moved to `sent` may be sent now: the lease lasts at least `neededMs`
   *  longer, disconnecting is not switched off, the time for approval has not ended. `mayBeFiled`: Intune may file a
   *  request for approval of what is sent; the operation has that on record as soon as sending is permitted. */
  permitSending(id: string, sending: PermittedSending): Promise<'granted' | MoveRefusal>;
  /** Ends an operation that was not sent, if it is on record after all. */
  endUnsent(unsent: UnsentOperation): Promise<void>;
  /** True for one caller in `everyMs`, across replicas: that one may read Graph for the operation. */
  claimRead(id: string, everyMs: number): Promise<boolean>;
  /** Those whose sender's lease has ended, and those whose time for approval has. */
  overdue(): Promise<readonly StoredOperation[]>;
  /** Why disconnecting is switched off for the tenant; `null` where it is not. */
  disabledBecause(tenantId: string): Promise<string | null>;
};

/** Waits, in milliseconds. */
export type Pause = (ms: number) => Promise<void>;

/** Milliseconds since the epoch. */
export type Clock = () => number;

/** Random UUIDs (RFC 9562, version 4). */
export type NewId = () => string;
