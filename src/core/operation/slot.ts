import { eventOf, recordedConnection, recordedName } from '../audit/event-of.ts';
import type { Dependencies } from '../dependencies.ts';
import { CallFailed, failureOf } from '../failure.ts';
import { requireNotCalledOff, type SignedInCall } from '../frame.ts';
import type { IdempotencyKey, NewOperation } from '../ports.ts';
import type { ConnectionState, SeenConnection } from './connection.ts';
import { isFinal, isSettled } from './life.ts';
import { endUnsent, settle } from './move.ts';
import type { StoredOperation } from './operation.ts';
import { awaitingApproval, type Outcome } from './outcome.ts';
import { nextOutcome, sinceActOf } from './settle.ts';

/** What the caller asks for. Reason and ticket are recorded, and sent on only to Intune, where it
 *  demands a justification. */
export type DisconnectRequest = {
  readonly reason: string | null;
  readonly ticket: string | null;
  /** The operation with an unknown outcome that this one takes over from. */
  readonly supersedes: string | null;
  readonly idempotency: IdempotencyKey | null;
  /** The entity tags of `If-Match`; `null` where there is none. `*` stands for any. */
  readonly ifMatch: readonly string[] | null;
};

/** What the caller's reads showed, and the tenant's newest operation from before it. */
export type ConnectionSnapshot = {
  readonly seen: SeenConnection;
  readonly newest: StoredOperation | null;
  /** The `status` of the request that Intune filed for that operation, where it was read. */
  readonly intuneStatus?: string | null;
};

// The settling moves that one read can cause: the end of a lease, then what was seen.
const maxMoves = 2;

/** Takes the tenant's one slot with a new operation, together with its first event: the attempt, or the
 *  request for an approval. An operation that holds it is settled first, where what was just seen can do that.
 *  Returns `null` where another operation came or went since the read began: what was seen may be from before
 *  that, and must not be acted on. Fails with `operation_in_progress`, `idempotency_key_in_use`,
 *  `idempotency_key_reused`, `operation_not_found`, `not_connected`, `caller_gone` or `disconnect_disabled`;
 *  nothing was done then. */
export async function takeSlot(
  dependencies: Dependencies,
  call: SignedInCall,
  request: DisconnectRequest,
  snapshot: ConnectionSnapshot,
): Promise<StoredOperation | null> {
  const { tenantId } = call.caller;
  const { newest, seen, intuneStatus = null } = snapshot;
  const held = holderOf(newest);
  let superseded: StoredOperation | null = null;
  if (held === null) {
    await requireKnown(dependencies, tenantId, request.supersedes);
  } else {
    const holder = await dependencies.operations.findOpen(tenantId);
    if (holder === null) return null;
    superseded = await freeSlot(dependencies, call, request, { seen, held, intuneStatus }, holder);
  }
  const [shown] = seen.members;
  if (shown === undefined) throw await notConnected(dependencies, call, request);

  requireNotCalledOff(call);
  const opening = newOperation(dependencies, call, request, shown, { newest, superseded });
  return openOperation(dependencies, call, request, opening);
}

/** Why nothing can be disconnected where no connection was seen: there is none, or another operation began after what
 *  was seen. */
async function notConnected(
  dependencies: Dependencies,
  call: SignedInCall,
  request: DisconnectRequest,
): Promise<CallFailed> {
  const begun = await dependencies.operations.findOpen(call.caller.tenantId);
  if (begun === null) return new CallFailed({ reason: 'not_connected' });
  return slotConflict(dependencies, call, request, begun);
}

/** Opens the operation; `null` where another one took the slot since the read, and has left it. Where it is not known
 *  whether the opening is on record, what may be there is ended: this process knows that it sent nothing. */
async function openOperation(
  dependencies: Dependencies,
  call: SignedInCall,
  request: DisconnectRequest,
  opening: NewOperation,
): Promise<StoredOperation | null> {
  const { operations } = dependencies;
  const { tenantId } = call.caller;
  const opened = await operations.open(opening).catch((error: unknown) => {
    endUnsent(dependencies, call, { ...opening.operation, intuneApproval: null }, failureOf(error));
    throw error;
  });
  switch (opened) {
    case 'disabled':
      throw await disabled(dependencies, tenantId);
    case 'slot_taken': {
      const winner = await operations.findOpen(tenantId);
      if (winner === null) return null;
      throw await slotConflict(dependencies, call, request, winner);
    }
    default:
      call.concerns(opened.id);
      return opened;
  }
}

/** Whether `takeSlot` would free the slot, found out without moving anything: fails with `operation_in_progress` or
 *  `operation_not_found` where it would. */
export async function requireFreeSlot(
  dependencies: Dependencies,
  tenantId: string,
  { supersedes }: DisconnectRequest,
  { seen, newest, intuneStatus = null }: ConnectionSnapshot,
): Promise<void> {
  const held = holderOf(newest);
  if (held === null) return requireKnown(dependencies, tenantId, supersedes);
  const found = await dependencies.operations.findOpen(tenantId);
  if (found === null) return;
  if (found.id === held.id) {
    let holder = { ...found, ...timesBefore(held, found) };
    for (let moves = 0; moves < maxMoves; moves += 1) {
      const outcome = nextOutcome(holder, seen, dependencies.timing.settleAfterMs, intuneStatus);
      if (outcome !== null) holder = movedBy(holder, outcome);
    }
    if (isFinal(holder.status) || mayBeSuperseded(dependencies, holder, supersedes)) return;
  }
  throw new CallFailed({ reason: 'operation_in_progress', operationId: found.id });
}

/** The operation as a move by this outcome would leave it. */
function movedBy(operation: StoredOperation, { status, concludedFrom }: Outcome): StoredOperation {
  return { ...operation, status, concludedFrom, overdue: false, sinceMovedMs: 0 };
}

/** How long ago it was sent and moved, as of before the read, whatever moves it meanwhile. */
function timesBefore(
  held: StoredOperation,
  found: StoredOperation,
): Pick<StoredOperation, 'sinceSentMs' | 'sinceMovedMs'> {
  return { sinceSentMs: held.sinceSentMs, sinceMovedMs: Math.min(held.sinceMovedMs, found.sinceMovedMs) };
}

/** The operation that holds the slot is the newest. One that was opened since is noticed when the next one
 *  opens. */
function holderOf(newest: StoredOperation | null): StoredOperation | null {
  return newest === null || isSettled(newest) ? null : newest;
}

/** The failure where an operator switched disconnecting off, with the operator's reason. */
export async function disabled(dependencies: Dependencies, tenantId: string): Promise<CallFailed> {
  const because = await dependencies.operations.disabledBecause(tenantId);
  return new CallFailed({ reason: 'disconnect_disabled', because: because ?? 'It was switched off.' });
}

/** A caller who names an operation that does not exist means another one: nothing is opened for them. */
async function requireKnown(
  dependencies: Dependencies,
  tenantId: string,
  operationId: string | null,
): Promise<void> {
  if (operationId === null) return;
  const named = await dependencies.operations.find(tenantId, operationId);
  if (named === null) throw new CallFailed({ reason: 'operation_not_found' });
}

/** Frees the slot where what was seen settles the operation that holds it, or where the caller takes over from
 *  it. Returns the operation to supersede, if there is one. */
async function freeSlot(
  dependencies: Dependencies,
  call: SignedInCall,
  request: DisconnectRequest,
  { seen, held, intuneStatus }: { seen: SeenConnection; held: StoredOperation; intuneStatus: string | null },
  found: StoredOperation,
): Promise<StoredOperation | null> {
  // What was seen before an operation began says nothing about it.
  if (found.id !== held.id) throw await slotConflict(dependencies, call, request, found);
  const { sinceSentMs } = held;
  let holder: StoredOperation = { ...found, ...timesBefore(held, found) };
  for (let moves = 0; moves < maxMoves; moves += 1) {
    holder = { ...(await settle(dependencies, call, holder, seen, intuneStatus)), sinceSentMs };
  }
  if (isFinal(holder.status)) return null;
  if (mayBeSuperseded(dependencies, holder, request.supersedes)) return holder;
  throw await slotConflict(dependencies, call, request, holder);
}

/** Whether a caller who names this operation (`supersedes`) may take over from it: where its outcome is unknown, or where
 *  it was accepted so long ago that reads will not bring it to an end. Not where it waits for Intune: the request there
 *  may be completed at any moment, and has to be cancelled there first. */
function mayBeSuperseded(
  { timing }: Pick<Dependencies, 'timing'>,
  operation: StoredOperation,
  supersedes: string | null,
): boolean {
  const { id, status } = operation;
  if (id !== supersedes) return false;
  return status === 'unknown' || (status === 'accepted' && sinceActOf(operation) > timing.settleAfterMs);
}

/** The failure where the operation that holds the slot keeps it: it may be this very request, sent twice. */
async function slotConflict(
  dependencies: Dependencies,
  { caller }: SignedInCall,
  { idempotency }: DisconnectRequest,
  holder: StoredOperation,
): Promise<CallFailed> {
  if (idempotency !== null) {
    const mine = await dependencies.operations.findByKey(caller, idempotency.key);
    if (mine?.operation.id === holder.id) {
      return mine.fingerprint === idempotency.fingerprint
        ? new CallFailed({ reason: 'idempotency_key_in_use', retryAfter: 2 })
        : new CallFailed({ reason: 'idempotency_key_reused' });
    }
  }
  return new CallFailed({ reason: 'operation_in_progress', operationId: holder.id });
}

function newOperation(
  dependencies: Dependencies,
  call: SignedInCall,
  request: DisconnectRequest,
  shown: ConnectionState,
  { newest, superseded }: { newest: StoredOperation | null; superseded: StoredOperation | null },
): NewOperation {
  const { caller, requestId } = call;
  const { timing } = dependencies;
  const approve = dependencies.policyOf(caller.tenantId).approvalRequired;
  const { reason, ticket } = request;
  const connection = recordedConnection(dependencies, shown);
  const operation = {
    id: dependencies.newId(),
    tenantId: caller.tenantId,
    status: approve ? ('awaiting_approval' as const) : ('sent' as const),
    requester: { oid: caller.oid, name: recordedName(dependencies, caller), clientId: caller.clientId },
    reason,
    ticket,
    connection,
    requestId,
    supersedes: superseded?.id ?? null,
  };
  const event = eventOf(dependencies, call, {
    event: approve ? 'move' : 'attempt',
    action: 'disconnect',
    operationId: operation.id,
    reason,
    ticket,
    result: approve ? 'awaiting_approval' : 'pending',
    move: { from: null, to: operation.status },
    connection,
    explanation: superseded === null ? null : `Takes over from operation ${superseded.id}.`,
  });
  return {
    operation,
    key: request.idempotency,
    answer: approve ? { ...awaitingApproval, requestId } : null,
    leaseMs: approve ? 0 : timing.leaseMs,
    approvalMs: approve ? timing.approvalMs : null,
    expectedNewestId: newest?.id ?? null,
    supersededStatus: superseded?.status ?? null,
    event,
  };
}
