import type { Dependencies } from '../dependencies.ts';
import { CallFailed } from '../failure.ts';
import { type Call, frame, requireNotCalledOff, type SignedInCall } from '../frame.ts';
import { prepareMove } from '../operation/move.ts';
import type { Operation } from '../operation/operation.ts';
import { type AsSeen, moveAsSeen, waitingOperation } from './waiting-operation.ts';

export type Withdrawal = { readonly operationId: string; readonly reason: string; readonly asSeen: AsSeen };

/** Takes back a disconnect that nobody has executed, for the person who asked for it. The slot and the
 *  idempotency key are free then. Fails with `not_the_requester`, `operation_not_found`, `operation_changed`,
 *  `decided_in_intune` where only Intune can take the request for approval back, or `operation_not_allowed` where there
 *  is nothing left to withdraw. */
export async function withdraw(
  dependencies: Dependencies,
  call: Call,
  readWithdrawal: () => Promise<Withdrawal>,
): Promise<Operation> {
  const { value } = await frame(dependencies, call, {
    action: 'withdraw',
    permission: 'disconnect',
    read: readWithdrawal,
    run: (running, withdrawal) => moveByRequester(dependencies, running, withdrawal),
    // The move is the record.
    record: async () => {},
  });
  return value;
}

async function moveByRequester(
  dependencies: Dependencies,
  call: SignedInCall,
  { operationId, reason, asSeen }: Withdrawal,
): Promise<Operation> {
  const waiting = ['awaiting_approval', 'approved'] as const;
  const operation = await waitingOperation(dependencies, call, operationId, waiting, asSeen);
  if (operation.requester.oid !== call.caller.oid) throw new CallFailed({ reason: 'not_the_requester' });
  requireNotCalledOff(call);
  return moveAsSeen(
    dependencies,
    call,
    prepareMove(dependencies, call, operation, {
      to: 'withdrawn',
      action: 'withdraw',
      change: { explanation: reason, answer: null },
    }),
    asSeen,
  );
}
