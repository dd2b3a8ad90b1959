import { type Call, eventOf, recordedConnection, recordedName, type World } from '../call.ts';
import type { Caller } from '../caller.ts';
import { CallFailed } from '../failure.ts';
import type { DisconnectRequest } from '../use-cases/disconnect.ts';
import type { ConnectionState, SeenConnection } from './connection.ts';
import { endOverdue, endPointless, settleByReading } from './moving.ts';
import { isFinal, isOver, type Operation } from './operation.ts';

/** What the caller's look showed, and the tenant's newest operation from before that look. */
export type Look = { readonly seen: SeenConnection; readonly newest: Operation | null };

/** Takes the tenant's one slot with a new operation, together with its first event: the attempt, or the
 *  wish for an approval. Whoever holds the slot and can be settled by what was just seen makes way.
 *  Gives `null` where another operation ended since the look began: what was seen may be from before
 *  that end, and must not be acted on. Fails with `operation_in_progress`, `idempotency_key_in_use`,
 *  `not_connected` or `disconnect_disabled`; nothing was done then. */
export async function takeSlot(
  world: World,
  call: Call,
  caller: Caller,
  request: DisconnectRequest,
  { seen, newest }: Look,
): Promise<Operation | null> {
  // Whoever holds the slot is the newest; one that was opened since the look is noticed as this one opens.
  const mayBeHeld = newest !== null && !isOver(newest);
  const holder = mayBeHeld ? await world.operations.findOpen(caller.tenantId) : null;
  if (holder === null && mayBeHeld) return null;
  if (holder === null && request.supersedes !== null) await requireKnown(world, caller, request.supersedes);
  const superseded =
    holder === null ? null : await makeWay(world, call, caller, request, { seen, newest }, holder);
  const [shown] = seen.members;
  if (shown === undefined) {
    // What was seen may be from before another operation began.
    const begun = await world.operations.findOpen(caller.tenantId);
    throw begun === null
      ? new CallFailed({ reason: 'not_connected' })
      : await inTheWay(world, caller, request, begun);
  }
  const connection = recordedConnection(world, shown);

  const approve = world.policyOf(caller.tenantId).approvalRequired;
  const operation = newOperation(world, call, caller, request, connection, { approve, superseded });
  const event = eventOf(world, call, caller, {
    event: approve ? 'move' : 'attempt',
    action: 'disconnect',
    operationId: operation.id,
    reason: request.reason,
    ticket: request.ticket,
    result: approve ? 'awaiting_approval' : 'pending',
    move: approve ? { from: null, to: 'awaiting_approval' } : { from: null, to: 'sent' },
    connection,
    explanation: superseded === null ? null : `Takes over from operation ${superseded.id}.`,
  });
  const { key, leaseMs } = { key: request.idempotency, leaseMs: approve ? 0 : world.timing.leaseMs };
  const opened = await world.operations.open(
    { operation, key, leaseMs, after: newest?.id ?? null, supersededStatus: superseded?.status ?? null },
    event,
  );
  if (opened === 'opened') {
    call.note({ operationId: operation.id });
    return operation;
  }
  if (opened === 'disabled') {
    const because = await world.operations.disabledBecause(caller.tenantId);
    throw new CallFailed({ reason: 'disconnect_disabled', because: because ?? 'It was switched off.' });
  }
  // Another call took the slot between our look and our try.
  const winner = await world.operations.findOpen(caller.tenantId);
  if (winner === null) return null;
  throw await inTheWay(world, caller, request, winner);
}

/** Whoever means to take over from an operation that is not there means another one. */
async function requireKnown(world: World, caller: Caller, operationId: string): Promise<void> {
  const named = await world.operations.find(caller.tenantId, operationId);
  if (named === null) throw new CallFailed({ reason: 'operation_not_found' });
}

/** Frees the slot where what was seen settles who holds it, or where the caller takes over from an
 *  operation whose end is unknown. Gives the operation to supersede, if there is one. */
async function makeWay(
  world: World,
  call: Call,
  caller: Caller,
  request: DisconnectRequest,
  { seen, newest }: Look,
  found: Operation,
): Promise<Operation | null> {
  let holder = found;
  // What was seen before an operation began says nothing about it.
  if (holder.id !== newest?.id) throw await inTheWay(world, caller, request, holder);
  if (await isOverdue(world, holder)) holder = (await endOverdue(world, call, caller, holder)) ?? holder;
  holder = await settleByReading(world, call, caller, holder, seen);
  holder = (await endPointless(world, call, caller, holder, seen)) ?? holder;
  if (isFinal(holder.status)) return null;
  if (holder.id === request.supersedes && mayBeSuperseded(world, holder)) return holder;
  throw await inTheWay(world, caller, request, holder);
}

/** A person may take over from an operation whose end is unknown; and from an accepted one that has come
 *  to no end for so long that reading will not bring it there. */
export function mayBeSuperseded(world: World, { status, sentAt }: Operation): boolean {
  if (status === 'unknown') return true;
  const late = sentAt !== null && world.clock() - Date.parse(sentAt) > world.timing.settleAfterMs;
  return status === 'accepted' && late;
}

export async function isOverdue(world: World, operation: Operation): Promise<boolean> {
  if (!['sent', 'awaiting_approval', 'approved'].includes(operation.status)) return false;
  return (await world.operations.overdue()).some((overdue) => overdue.id === operation.id);
}

/** Why the one who holds the slot can't make way: perhaps it is this very request, sent twice. */
async function inTheWay(
  world: World,
  caller: Caller,
  { idempotency }: DisconnectRequest,
  holder: Operation,
): Promise<CallFailed> {
  if (idempotency !== null) {
    const mine = await world.operations.findByKey(caller.tenantId, caller.oid, idempotency.key);
    if (mine?.operation.id === holder.id) {
      return mine.fingerprint === idempotency.fingerprint
        ? new CallFailed({ reason: 'idempotency_key_in_use', retryAfter: 2 })
        : new CallFailed({ reason: 'idempotency_key_reused' });
    }
  }
  return new CallFailed({ reason: 'operation_in_progress', operationId: holder.id });
}

function newOperation(
  world: World,
  call: Call,
  caller: Caller,
  request: DisconnectRequest,
  connection: ConnectionState,
  { approve, superseded }: { approve: boolean; superseded: Operation | null },
): Operation {
  const now = world.clock();
  const time = new Date(now).toISOString();
  return {
    id: world.newId(),
    tenantId: caller.tenantId,
    status: approve ? 'awaiting_approval' : 'sent',
    requester: { oid: caller.oid, name: recordedName(world, caller), clientId: caller.clientId },
    reason: request.reason,
    ticket: request.ticket,
    connection,
    requestId: call.requestId,
    graphRequestId: null,
    value: null,
    concludedFrom: null,
    explanation: null,
    approval: null,
    supersedes: superseded?.id ?? null,
    supersededBy: null,
    requestedAt: time,
    sentAt: approve ? null : time,
    movedAt: time,
    expiresAt: approve ? new Date(now + world.timing.approvalMs).toISOString() : null,
    tookMs: null,
  };
}
