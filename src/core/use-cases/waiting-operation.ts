import type { Dependencies } from '../dependencies.ts';
import { CallFailed } from '../failure.ts';
import type { SignedInCall } from '../frame.ts';
import type { OperationStatus } from '../operation/life.ts';
import { settle } from '../operation/move.ts';
import type { StoredOperation } from '../operation/operation.ts';

/** The operation of the caller's tenant that a decision or an execution is about, if it has one of `statuses` and
 *  its time is not over. Fails with `operation_not_found` or `operation_not_allowed`. */
export async function waitingOperation(
  dependencies: Dependencies,
  call: SignedInCall,
  operationId: string,
  statuses: readonly OperationStatus[],
): Promise<StoredOperation> {
  call.concerns(operationId);
  const found = await dependencies.operations.find(call.caller.tenantId, operationId);
  if (found === null) throw new CallFailed({ reason: 'operation_not_found' });
  if (!statuses.includes(found.status)) throw notAllowed(found);
  const operation = await settle(dependencies, call, found, null);
  if (!statuses.includes(operation.status)) throw notAllowed(operation);
  return operation;
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

function notAllowed({ id, status }: StoredOperation): CallFailed {
  return new CallFailed({ reason: 'operation_not_allowed', operationId: id, status });
}
