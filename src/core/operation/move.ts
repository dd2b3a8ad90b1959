import type { Action } from '../audit/audit-event.ts';
import { type EventDetail, type EventSource, eventOf } from '../audit/event-of.ts';
import type { Dependencies } from '../dependencies.ts';
import type { Failure } from '../failure.ts';
import type { PreparedMove, UnsentOperation } from '../ports.ts';
import type { SeenConnection } from './connection.ts';
import { intuneApprovalMs } from './intune-approval.ts';
import { awaitsIntune, awaitsPeople, isFinal, movesFrom, type OperationStatus } from './life.ts';
import type { Operation, OperationChange, StoredOperation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { nextOutcome } from './settle.ts';

export type Move = {
  readonly to: OperationStatus;
  readonly action: Action;
  /** What the move is on the record; `move` unless said. */
  readonly event?: 'attempt' | 'outcome' | 'move';
  readonly change?: OperationChange;
  readonly detail?: Partial<EventDetail>;
  /** For how long the slot is leased to the one who sends, in milliseconds. */
  readonly leaseMs?: number;
};

/** Puts a move together. A move that is not in the table is a defect. */
export function prepareMove(
  dependencies: Dependencies,
  source: EventSource,
  operation: Operation,
  move: Move,
): PreparedMove {
  const { status: from } = operation;
  const { to, change = {} } = move;
  if (!movesFrom(from).includes(to)) throw new Error(`an operation does not move from ${from} to ${to}`);
  const event = eventOf(dependencies, source, {
    event: move.event ?? 'move',
    action: move.action,
    operationId: operation.id,
    reason: operation.reason,
    ticket: operation.ticket,
    move: { from, to },
    result: to,
    value: change.value ?? null,
    explanation: change.explanation ?? null,
    graphRequestId: change.graphRequestId ?? null,
    ...move.detail,
  });
  const inTime = to === 'sent' || (awaitsPeople(operation) && to !== 'expired');
  return { operation, to, change, leaseMs: move.leaseMs ?? 0, inTime, ends: isFinal(to), event };
}

/** The move that an outcome makes. */
export function outcomeMove(
  operation: Operation,
  outcome: Outcome,
  detail: Pick<EventDetail, 'failure' | 'durationMs'> = {},
): Move {
  const { status, value, concludedFrom, explanation, graphRequestId, approvalCode: code } = outcome;
  const filed = code === undefined ? {} : { intuneApproval: { code, expiresInMs: intuneApprovalMs } };
  return {
    to: status,
    action: 'disconnect',
    event: operation.status === 'sent' ? 'outcome' : 'move',
    change: {
      value,
      concludedFrom,
      explanation,
      graphRequestId,
      ...filed,
      ...keptAnswer(operation, outcome),
    },
    detail,
  };
}

/** What a repetition with the same idempotency key hears from now on. Where it is certain that nothing was
 *  sent, or that nothing was done and the caller got a problem, the key is free for another try. The
 *  request for an approval, here or in Intune, was answered when it was made, and keeps that answer whatever its
 *  execution brings, unless it is certain that there will be none; and so does an act, whatever a later read finds. */
export function keptAnswer(operation: Operation, outcome: Outcome): Pick<OperationChange, 'answer'> {
  if (awaitsPeople(operation)) return { answer: null };
  if (endedInIntune(outcome) || (awaitsIntune(operation) && isFinal(outcome.status))) return { answer: null };
  if (operation.status !== 'sent') return {};
  if (outcome.status === 'failed' && !outcome.reported) return { answer: null };
  const answeredBefore = operation.approval !== null || operation.intuneApproval !== null;
  return answeredBefore ? {} : { answer: { ...outcome, requestId: operation.requestId } };
}

/** Intune's people decided that it is not carried out, or nobody decided in time. */
function endedInIntune({ status, concludedFrom }: Outcome): boolean {
  return concludedFrom === 'intune_approval' && isFinal(status);
}

/** Moves an operation to what time, a read of the connection and the status of the request in Intune say, as far as
 *  they say anything. `seen` and `intuneStatus` are `null` where nobody read them. Returns the operation as it is
 *  afterwards. Fails with `audit_unavailable`. */
export async function settle(
  dependencies: Dependencies,
  source: EventSource,
  operation: StoredOperation,
  seen: SeenConnection | null,
  intuneStatus: string | null = null,
): Promise<StoredOperation> {
  const outcome = nextOutcome(operation, seen, dependencies.timing.settleAfterMs, intuneStatus);
  if (outcome === null) return operation;
  const move = outcomeMove(operation, outcome);
  const moved = await dependencies.operations.move(prepareMove(dependencies, source, operation, move));
  const now =
    typeof moved === 'string' ? await dependencies.operations.find(operation.tenantId, operation.id) : moved;
  // Nothing was found out about a status that another moved it to meanwhile.
  return now ?? operation;
}

type Attempted = Pick<
  Operation,
  'id' | 'tenantId' | 'status' | 'reason' | 'ticket' | 'requestId' | 'intuneApproval'
>;

/** Ends an operation whose attempt may be on record although the database did not confirm it, so that nobody takes it
 *  for one that was sent. This process knows that it sent nothing, and records that as soon as the database answers,
 *  even where the operation was declared unknown meanwhile because its lease had ended. One with a request filed in
 *  Intune keeps waiting there. `why` is what opening or moving it failed with. */
export function endUnsent(
  dependencies: Dependencies,
  source: EventSource,
  operation: Attempted,
  why: Failure,
): void {
  if (why.reason === 'audit_unavailable' && why.recorded === 'no') return;
  const unsent = unsentFrom(dependencies, source, operation);
  const declaredUnknown =
    operation.status === 'sent'
      ? unsentFrom(dependencies, source, { ...operation, status: 'unknown' })
      : null;
  dependencies.backlog.add({ kind: 'unsent', event: unsent.event, failure: why }, async () => {
    await dependencies.operations.endUnsent(unsent);
    if (declaredUnknown !== null) await dependencies.operations.endUnsent(declaredUnknown);
  });
}

function unsentFrom(dependencies: Dependencies, source: EventSource, operation: Attempted): UnsentOperation {
  const { status: from, intuneApproval: filed } = operation;
  const to = filed !== null ? 'approved_in_intune' : awaitsPeople(operation) ? 'expired' : 'failed';
  const explanation =
    filed === null
      ? 'The record was not confirmed in time, so nothing was sent.'
      : `The record was not confirmed in time, so it was not sent again. The request ${filed.code} is still filed in Intune.`;
  const change = filed === null ? { explanation, answer: null } : { explanation };
  const event = eventOf(dependencies, source, {
    event: from === 'sent' ? 'outcome' : 'move',
    action: 'disconnect',
    operationId: operation.id,
    reason: operation.reason,
    ticket: operation.ticket,
    move: { from, to },
    result: to,
    failure: 'audit_unavailable',
    explanation,
  });
  return { operation, to, change, ends: isFinal(to), event };
}
