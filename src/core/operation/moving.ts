import type { Action } from '../audit/audit-event.ts';
import { type Call, type EventDetail, eventOf, type World } from '../call.ts';
import type { Caller } from '../caller.ts';
import { conclude } from './conclusion.ts';
import type { SeenConnection } from './connection.ts';
import {
  isFinal,
  type KeptAnswer,
  mayMove,
  type Operation,
  type OperationChange,
  type OperationStatus,
} from './operation.ts';

export type Move = {
  readonly to: OperationStatus;
  readonly action: Action;
  /** What the move is on the record; `move` unless said. */
  readonly event?: 'attempt' | 'outcome' | 'move';
  readonly change?: OperationChange;
  readonly detail?: Partial<EventDetail>;
  readonly leaseMs?: number;
};

/** Moves an operation, together with its event. Gives the operation as it then stands, or `null` where
 *  another was quicker. Fails with `audit_unavailable`; a move that is not in the table is a defect. */
export async function moveOperation(
  world: World,
  call: Call,
  actor: Caller,
  operation: Operation,
  move: Move,
): Promise<Operation | null> {
  const from = operation.status;
  if (!mayMove(from, move.to)) throw new Error(`an operation does not move from ${from} to ${move.to}`);
  const change = move.change ?? {};
  const event = eventOf(world, call, actor, {
    event: move.event ?? 'move',
    action: move.action,
    operationId: operation.id,
    reason: operation.reason,
    ticket: operation.ticket,
    move: { from, to: move.to },
    result: move.to,
    value: change.value ?? null,
    explanation: change.explanation ?? null,
    graphRequestId: change.graphRequestId ?? null,
    ...move.detail,
  });
  return world.operations.move(operation, move.to, change, event, move.leaseMs);
}

/** Settles an operation by a look at the connection, if the look says anything new. Gives the operation
 *  as it then stands. */
export async function settleByReading(
  world: World,
  call: Call,
  actor: Caller,
  operation: Operation,
  seen: SeenConnection,
): Promise<Operation> {
  const now = world.clock();
  const conclusion = conclude(operation, seen, now, world.timing.settleAfterMs);
  if (conclusion === null || operation.status === 'sent') return operation;
  const { to, value, explanation } = conclusion;
  const moved = await moveOperation(world, call, actor, operation, {
    to,
    action: 'disconnect',
    change: {
      value,
      explanation,
      concludedFrom: 'reading',
      tookMs: isFinal(to) ? sinceSent(operation, now) : null,
    },
  });
  return moved ?? (await world.operations.find(operation.tenantId, operation.id)) ?? operation;
}

/** An operation whose time is up: one whose sender's lease has ended becomes `unknown` (its work is never
 *  sent again by another), one that nobody approved or executed in time becomes `expired`. */
export async function endOverdue(
  world: World,
  call: Call,
  actor: Caller,
  operation: Operation,
): Promise<Operation | null> {
  if (operation.status === 'sent') {
    const explanation =
      'Its sender wrote no outcome while it held the slot: it may have died before or after Graph acted.';
    return moveOperation(world, call, actor, operation, {
      to: 'unknown',
      action: 'disconnect',
      event: 'outcome',
      change: {
        explanation,
        concludedFrom: 'lease',
        ...answerKept(operation, {
          outcome: 'unknown',
          value: null,
          cause: explanation,
          concludedFrom: 'lease',
        }),
      },
    });
  }
  return moveOperation(world, call, actor, operation, {
    to: 'expired',
    action: 'disconnect',
    change: { explanation: 'Nobody approved and executed it in time.', concludedFrom: 'time', answer: null },
  });
}

/** What a repetition with the same idempotency key hears from now on. A wish for an approval was
 *  answered when it was made, and keeps that answer whatever its execution brings; `null` frees the key. */
export function answerKept(
  operation: Operation,
  answer: Omit<KeptAnswer, 'requestId'> | null,
): Pick<OperationChange, 'answer'> {
  if (answer === null) return { answer };
  return operation.approval === null ? { answer: { ...answer, requestId: operation.requestId } } : {};
}

/** A wish about a connection that is gone has nothing left to be approved or executed for. Gives the
 *  operation as it then stands, or `null` where there is nothing to end. */
export async function endPointless(
  world: World,
  call: Call,
  actor: Caller,
  operation: Operation,
  seen: SeenConnection,
): Promise<Operation | null> {
  const waiting = operation.status === 'awaiting_approval' || operation.status === 'approved';
  if (!waiting || seen.members.some(({ id }) => id === operation.connection.id)) return null;
  return moveOperation(world, call, actor, operation, {
    to: 'expired',
    action: 'disconnect',
    change: {
      explanation: 'The connection it was about is gone.',
      concludedFrom: 'reading',
      answer: null,
    },
  });
}

/** From sending until now, in milliseconds. */
export function sinceSent(operation: Operation, now: number): number | null {
  return operation.sentAt === null ? null : now - Date.parse(operation.sentAt);
}
