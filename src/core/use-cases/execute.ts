import { recordedConnection } from '../audit/event-of.ts';
import type { Dependencies } from '../dependencies.ts';
import { CallFailed } from '../failure.ts';
import { type Call, frame, requireWanted, type SignedInCall } from '../frame.ts';
import type { SeenConnection } from '../operation/connection.ts';
import { endUnsent, prepareMove } from '../operation/move.ts';
import type { StoredOperation } from '../operation/operation.ts';
import { meetPolicy } from '../operation/policy.ts';
import { send } from '../operation/send.ts';
import { disabled } from '../operation/slot.ts';
import type { Secret } from '../secret.ts';
import { type DisconnectReply, readConnectionFor, replyTo } from './disconnect.ts';
import { notWaiting, waitingOperation } from './waiting-operation.ts';

type ExecuteRequest = { readonly operationId: string; readonly ifMatch: readonly string[] | null };

/** Carries out an approved disconnect, for the person who asked for it, with a fresh sign-in. From the attempt on
 *  it is the same act as any other. Fails with `not_the_requester`, `operation_not_found`,
 *  `operation_not_allowed`, `connection_changed` (it is another connection than the one approved), or as
 *  `disconnect` does. */
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
  const approved = await waitingOperation(dependencies, call, operationId, ['approved']);
  if (approved.requester.oid !== caller.oid) throw new CallFailed({ reason: 'not_the_requester' });

  const { reason, ticket } = approved;
  const idempotencyKey = operationId; // the operation itself can be executed only once
  meetPolicy(dependencies.policyOf(caller.tenantId), caller, { reason, ticket, ifMatch, idempotencyKey });
  const token = await dependencies.identity.exchangeAnew(call.signedIn, call);
  const seen = await readConnectionFor(dependencies, call, token, ifMatch);
  return { operation: await attempt(dependencies, call, approved, seen), token };
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
  requireWanted(call);
  const connection = recordedConnection(dependencies, shown);
  const { approval } = approved;
  const move = prepareMove(dependencies, call, approved, {
    to: 'sent',
    action: 'disconnect',
    event: 'attempt',
    change: { requestId: call.requestId, connection },
    detail: {
      result: 'pending',
      connection,
      explanation: approval === null ? null : `Approved by ${approval.approver.oid}: ${approval.reason}`,
    },
    leaseMs: dependencies.timing.leaseMs,
  });
  const moved = await dependencies.operations.move(move).catch((error: unknown) => {
    endUnsent(dependencies, call, { ...approved, status: 'sent', requestId: call.requestId });
    throw error;
  });
  if (typeof moved !== 'string') return moved;
  throw moved === 'disabled'
    ? await disabled(dependencies, call.caller.tenantId)
    : await notWaiting(dependencies, call, approved.id);
}
