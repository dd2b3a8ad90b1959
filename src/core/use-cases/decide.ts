import { recordedName } from '../audit/event-of.ts';
import type { Dependencies } from '../dependencies.ts';
import { CallFailed } from '../failure.ts';
import { type Call, frame, requireNotCalledOff, type SignedInCall } from '../frame.ts';
import { prepareMove } from '../operation/move.ts';
import type { Operation } from '../operation/operation.ts';
import { type AsSeen, moveAsSeen, waitingOperation } from './waiting-operation.ts';

export type Decision = { readonly operationId: string; readonly reason: string; readonly asSeen: AsSeen };

/** Approves or rejects another person's request to disconnect. The approver needs no right in Intune and never
 *  acts there. An approval names the version that was read, so that nobody approves what has changed since. Fails with
 *  `own_approval` for one's own request, `operation_not_found`, `operation_changed`, `precondition_required`, or
 *  `operation_not_allowed` where there is nothing left to decide. */
export async function decide(
  dependencies: Dependencies,
  call: Call,
  verb: 'approve' | 'reject',
  readDecision: () => Promise<Decision>,
): Promise<Operation> {
  const { value } = await frame(dependencies, call, {
    action: verb,
    permission: 'approve',
    read: readDecision,
    run: (running, decision) => moveByDecision(dependencies, running, verb, decision),
    // The move is the record.
    record: async () => {},
  });
  return value;
}

async function moveByDecision(
  dependencies: Dependencies,
  call: SignedInCall,
  verb: 'approve' | 'reject',
  { operationId, reason, asSeen }: Decision,
): Promise<Operation> {
  const { caller } = call;
  const operation = await waitingOperation(dependencies, call, operationId, ['awaiting_approval'], asSeen);
  if (operation.requester.oid === caller.oid) throw new CallFailed({ reason: 'own_approval' });
  if (verb === 'approve' && asSeen === null) {
    throw new CallFailed({ reason: 'precondition_required', header: 'If-Match', resource: 'operation' });
  }
  requireNotCalledOff(call);
  return moveAsSeen(
    dependencies,
    call,
    prepareMove(dependencies, call, operation, {
      to: verb === 'approve' ? 'approved' : 'rejected',
      action: verb,
      change: {
        approval: { approver: { oid: caller.oid, name: recordedName(dependencies, caller) }, reason },
        // Nothing was sent and nothing will be: the requester may ask again under the same key.
        ...(verb === 'reject' && { answer: null }),
      },
      detail: { explanation: reason },
    }),
    asSeen,
  );
}
