import { authorize } from '../access.ts';
import { authenticate, type Call, recordedName, refusalsOnRecord, type World } from '../call.ts';
import type { Caller } from '../caller.ts';
import { CallFailed } from '../failure.ts';
import { endOverdue, moveOperation } from '../operation/moving.ts';
import type { Operation } from '../operation/operation.ts';

/** Approves or rejects another person's wish to disconnect. The one who decides needs no right in Intune
 *  and never acts there. Fails with `own_approval` for one's own wish, `operation_not_found`, or
 *  `operation_not_allowed` where there is nothing left to decide. */
export async function decide(
  world: World,
  call: Call,
  readId: () => string,
  decision: 'approve' | 'reject',
  readReason: () => Promise<string>,
): Promise<Operation> {
  const { caller } = await authenticate(world, call);
  return refusalsOnRecord(world, call, caller, decision, async () => {
    authorize(world.access, caller, 'approve');
    const operationId = readId();
    call.note({ operationId });
    const reason = await readReason();
    const operation = await waitingOperation(world, call, caller, operationId, ['awaiting_approval']);
    if (operation.requester.oid === caller.oid) throw new CallFailed({ reason: 'own_approval' });

    const at = new Date(world.clock()).toISOString();
    const moved = await moveOperation(world, call, caller, operation, {
      to: decision === 'approve' ? 'approved' : 'rejected',
      action: decision,
      change: {
        approval: { approver: { oid: caller.oid, name: recordedName(world, caller) }, reason, at },
        // Nothing was sent and nothing will be: the requester may ask again under the same key.
        ...(decision === 'reject' && { answer: null }),
      },
      detail: { explanation: reason },
    });
    return moved ?? Promise.reject(await notWaiting(world, caller, operationId));
  });
}

/** An operation of the caller's tenant that stands at one of `statuses` and whose time is not up. */
export async function waitingOperation(
  world: World,
  call: Call,
  caller: Caller,
  operationId: string,
  statuses: readonly Operation['status'][],
): Promise<Operation> {
  const operation = await world.operations.find(caller.tenantId, operationId);
  if (operation === null) throw new CallFailed({ reason: 'operation_not_found' });
  const tooLate = operation.expiresAt !== null && Date.parse(operation.expiresAt) <= world.clock();
  if (tooLate && statuses.includes(operation.status)) await endOverdue(world, call, caller, operation);
  if (tooLate || !statuses.includes(operation.status)) throw await notWaiting(world, caller, operationId);
  return operation;
}

/** Why an operation can't be decided or executed, as it stands now. */
export async function notWaiting(world: World, caller: Caller, operationId: string): Promise<CallFailed> {
  const operation = await world.operations.find(caller.tenantId, operationId);
  if (operation === null) return new CallFailed({ reason: 'operation_not_found' });
  const { status } = operation;
  return new CallFailed({ reason: 'operation_not_allowed', operationId, status });
}
