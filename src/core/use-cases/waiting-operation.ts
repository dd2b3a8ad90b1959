import type { Dependencies } from '../dependencies.ts';
import { CallFailed } from '../failure.ts';
import type { SignedInCall } from '../frame.ts';
import { awaitsIntune, type OperationStatus } from '../operation/life.ts';
import { settle } from '../operation/move.ts';
import type { Operation, StoredOperation } from '../operation/operation.ts';
import type { PreparedMove } from '../ports.ts';

/** Whether an operation is as the caller read it (`If-Match`); `null` where they do not say what they read. */
export type AsSeen = ((operation: Operation) => boolean) | null;

/** The operation of the caller's tenant that a decision, a withdrawal or an execution is about, if it is as the
 *  caller saw it, has one of `statuses`, and its time is not over. Fails with `operation_not_found`,
 *  `operation_changed`, `operation_not_allowed`, or `decided_in_intune` where a request for its approval is filed
 *  there. */
export async function waitingOperation(
  dependencies: Dependencies,
  call: SignedInCall,
  operationId: string,
  statuses: readonly OperationStatus[],
  asSeen: AsSeen = null,
): Promise<StoredOperation> {
  call.concerns(operationId);
  const found = await dependencies.operations.find(call.caller.tenantId, operationId);
  if (found === null) throw new CallFailed({ reason: 'operation_not_found' });
  if (asSeen !== null && !asSeen(found)) throw changed(found);
  if (!statuses.includes(found.status)) throw notAllowed(found);
  const operation = await settle(dependencies, call, found, null);
  if (!statuses.includes(operation.status)) throw notAllowed(operation);
  return operation;
}

/** Moves the operation that the caller read. An operation changes by its moves alone, and the database moves it from
 *  the status that was read or not at all, so that nothing can change in between. Fails with
 *  `operation_changed` where it has moved since and the caller said what they saw; otherwise as `notWaiting`
 *  says. */
export async function moveAsSeen(
  dependencies: Dependencies,
  call: SignedInCall,
  move: PreparedMove,
  asSeen: AsSeen,
): Promise<StoredOperation> {
  const moved = await dependencies.operations.move(move);
  if (typeof moved !== 'string') return moved;
  const operationId = move.operation.id;
  if (moved === 'moved_already' && asSeen !== null) {
    const found = await dependencies.operations.find(call.caller.tenantId, operationId);
    if (found !== null) throw changed(found);
  }
  throw await notWaiting(dependencies, call, operationId);
}

/** Why an operation can no longer be decided or executed, as it is now. */
export async function notWaiting(
  dependencies: Dependencies,
  call: SignedInCall,
  operationId: string,
): Promise<CallFailed> {
  const found = await dependencies.operations.find(call.caller.tenantId, operationId);
  if (found === null) return new CallFailed({ reason: 'operation_not_found' });
  return notAllowed(await settle(dependencies, call, found, null));
}

/** Why this cannot be done with the operation as it is. */
export function notAllowed(operation: StoredOperation): CallFailed {
  const { id, status, intuneApproval } = operation;
  if (awaitsIntune(operation)) {
    const approvalCode = intuneApproval?.code ?? null;
    return new CallFailed({ reason: 'decided_in_intune', operationId: id, approvalCode });
  }
  return new CallFailed({ reason: 'operation_not_allowed', operationId: id, status });
}

function changed({ id, status }: StoredOperation): CallFailed {
  return new CallFailed({ reason: 'operation_changed', operationId: id, status });
}
