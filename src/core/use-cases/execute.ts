import { recordedConnection } from '../audit/event-of.ts';
import type { Dependencies } from '../dependencies.ts';
import { CallFailed, failureOf } from '../failure.ts';
import { type Call, frame, requireNotCalledOff, type SignedInCall } from '../frame.ts';
import type { SeenConnection } from '../operation/connection.ts';
import { intuneApproved, readIntuneStatus } from '../operation/intune-approval.ts';
import { awaitsIntune } from '../operation/life.ts';
import { endUnsent, prepareMove, settle } from '../operation/move.ts';
import type { StoredOperation } from '../operation/operation.ts';
import { meetPolicy } from '../operation/policy.ts';
import { send } from '../operation/send.ts';
import { disabled } from '../operation/slot.ts';
import type { Secret } from '../secret.ts';
import { type DisconnectReply, readConnectionFor, replyTo } from './disconnect.ts';
import { notAllowed, notWaiting, waitingOperation } from './waiting-operation.ts';

type ExecuteRequest = { readonly operationId: string; readonly ifMatch: readonly string[] | null };

/** Carries out a disconnect that was approved, here or in Intune, for the person who asked for it, with a fresh
 *  sign-in. From the attempt on it is the same act as any other. Fails with `not_the_requester`,
 *  `operation_not_found`, `operation_not_allowed`, `decided_in_intune`, `connection_changed` (it is another connection
 *  than the one approved), or as `disconnect` does. */
export async function execute(
  dependencies: Dependencies,
  call: Call,
  readRequest: () => Promise<ExecuteRequest>,
): Promise<DisconnectReply> {
  const { call: signedInCall, value } = await frame(dependencies, call, {
    action: 'disconnect',
    permission: 'disconnect',
    read: readRequest,
    run: (running, request) => prepare(dependencies, running, request),
    // The attempt is the record.
    record: async () => {},
  });
  return replyTo(await send(dependencies, signedInCall, value.operation, value.token));
}

async function prepare(
  dependencies: Dependencies,
  call: SignedInCall,
  { operationId, ifMatch }: ExecuteRequest,
): Promise<{ operation: StoredOperation; token: Secret }> {
  const { caller } = call;
  const waiting = await waitingOperation(dependencies, call, operationId, executable);
  if (waiting.requester.oid !== caller.oid) throw new CallFailed({ reason: 'not_the_requester' });

  try {
    return await prepareWaiting(dependencies, call, waiting, ifMatch);
  } catch (error) {
    throw whileFiled(error, waiting);
  }
}

/** Whatever stops the execution, the request stays filed in Intune, and the failure says so. */
function whileFiled(error: unknown, { intuneApproval }: StoredOperation): unknown {
  if (!(error instanceof CallFailed) || intuneApproval === null) return error;
  if (error.failure.reason === 'operation_not_allowed') return error;
  return new CallFailed({ ...error.failure, filed: intuneApproval.code }, { cause: error });
}

/** Everything before the act. */
async function prepareWaiting(
  dependencies: Dependencies,
  call: SignedInCall,
  waiting: StoredOperation,
  ifMatch: ExecuteRequest['ifMatch'],
): Promise<{ operation: StoredOperation; token: Secret }> {
  const { caller } = call;
  const { reason, ticket } = waiting;
  const idempotencyKey = waiting.id; // the operation itself can be executed only once
  meetPolicy(dependencies.policyOf(caller.tenantId), caller, { reason, ticket, ifMatch, idempotencyKey });
  const token = await dependencies.identity.exchangeUncached(call.signedIn, call);
  const approved = awaitsIntune(waiting)
    ? await approvedInIntune(dependencies, call, waiting, token)
    : waiting;
  const seen = await readConnectionFor(dependencies, call, token, ifMatch);
  return { operation: await attempt(dependencies, call, approved, seen), token };
}

const executable = ['approved', 'awaiting_intune_approval', 'approved_in_intune'] as const;

/** The operation whose request Intune shows as approved at this moment. Fails with `decided_in_intune`,
 *  `operation_not_allowed`, or one of Graph's reasons. */
async function approvedInIntune(
  dependencies: Dependencies,
  call: SignedInCall,
  waiting: StoredOperation,
  token: Secret,
): Promise<StoredOperation> {
  const intuneStatus = await readIntuneStatus(dependencies, call, waiting, token);
  const operation = await settle(dependencies, call, waiting, null, intuneStatus);
  if (intuneStatus !== intuneApproved || operation.status !== 'approved_in_intune')
    throw notAllowed(operation);
  return operation;
}

/** Moves the approved operation to `sent`, which is the attempt on record. */
async function attempt(
  dependencies: Dependencies,
  call: SignedInCall,
  approved: StoredOperation,
  seen: SeenConnection,
): Promise<StoredOperation> {
  const [shown] = seen.members;
  if (shown === undefined) throw new CallFailed({ reason: 'not_connected' });
  if (shown.id !== approved.connection.id) throw new CallFailed({ reason: 'connection_changed' });
  requireNotCalledOff(call);
  const connection = recordedConnection(dependencies, shown);
  const move = prepareMove(dependencies, call, approved, {
    to: 'sent',
    action: 'disconnect',
    event: 'attempt',
    change: { requestId: call.requestId, connection },
    detail: {
      result: 'pending',
      connection,
      explanation: approvedBy(approved),
    },
    leaseMs: dependencies.timing.leaseMs,
  });
  const moved = await dependencies.operations.move(move).catch((error: unknown) => {
    const attempted = { ...approved, status: 'sent', requestId: call.requestId } as const;
    endUnsent(dependencies, call, attempted, failureOf(error));
    throw error;
  });
  if (typeof moved !== 'string') return moved;
  throw moved === 'disabled'
    ? await disabled(dependencies, call.caller.tenantId)
    : await notWaiting(dependencies, call, approved.id);
}

/** Who approved it, for the record. */
function approvedBy({ approval, intuneApproval }: StoredOperation): string | null {
  if (intuneApproval !== null) return `Approved in Intune, under the code ${intuneApproval.code}.`;
  return approval === null ? null : `Approved by ${approval.approver.oid}: ${approval.reason}`;
}
