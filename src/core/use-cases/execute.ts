import { authorize } from '../access.ts';
import { authenticate, type Call, recordedConnection, refusalsOnRecord, type World } from '../call.ts';
import type { Caller } from '../caller.ts';
import { CallFailed } from '../failure.ts';
import { act } from '../operation/act.ts';
import type { SeenConnection } from '../operation/connection.ts';
import { moveOperation } from '../operation/moving.ts';
import type { Operation } from '../operation/operation.ts';
import { meetPolicy } from '../operation/policy.ts';
import { notWaiting, waitingOperation } from './decide.ts';
import { type DisconnectReply, look, replyTo, requireEnabled } from './disconnect.ts';

/** Runs an approved disconnect, by the one who asked for it, with a fresh sign-in. From the attempt on
 *  it is the same act as any other. Fails with `not_the_requester`, `operation_not_found`,
 *  `operation_not_allowed`, `connection_changed` (it is another connection than the one approved), or as
 *  `disconnect` does. */
export async function execute(
  world: World,
  call: Call,
  readRequest: () => Promise<{ operationId: string; ifMatch: readonly string[] | null }>,
): Promise<DisconnectReply> {
  const signedIn = await authenticate(world, call);
  const { caller } = signedIn;

  const step = await refusalsOnRecord(world, call, caller, 'disconnect', async () => {
    authorize(world.access, caller, 'disconnect');
    const { operationId, ifMatch } = await readRequest();
    call.note({ operationId });
    const approved = await waitingOperation(world, call, caller, operationId, ['approved']);
    if (approved.requester.oid !== caller.oid) throw new CallFailed({ reason: 'not_the_requester' });

    const { reason, ticket } = approved;
    const idempotencyKey = operationId; // the operation itself can run once only
    meetPolicy(world.policyOf(caller.tenantId), caller, { reason, ticket, ifMatch, idempotencyKey });
    const token = await world.identity.exchangeAnew(signedIn, call);
    const seen = await look(world, call, caller, token, ifMatch);
    // Last, so that a switch thrown meanwhile counts.
    requireEnabled(await world.operations.disabledBecause(caller.tenantId));
    const leasedAt = world.clock();
    return { operation: await attempt(world, call, caller, approved, seen), token, leasedAt };
  });

  return replyTo(await act(world, call, { ...step, caller }));
}

/** Moves the approved operation to `sent`, which is the attempt on record. */
async function attempt(
  world: World,
  call: Call,
  caller: Caller,
  approved: Operation,
  seen: SeenConnection,
): Promise<Operation> {
  const [shown] = seen.members;
  if (shown === undefined) throw new CallFailed({ reason: 'not_connected' });
  if (shown.id !== approved.connection.id) throw new CallFailed({ reason: 'connection_changed' });
  const connection = recordedConnection(world, shown);
  const { approval } = approved;
  const sent = await moveOperation(world, call, caller, approved, {
    to: 'sent',
    action: 'disconnect',
    event: 'attempt',
    change: { requestId: call.requestId, connection },
    detail: {
      result: 'pending',
      connection,
      explanation: approval === null ? null : `Approved by ${approval.approver.oid}: ${approval.reason}`,
    },
    leaseMs: world.timing.leaseMs,
  });
  return sent ?? Promise.reject(await notWaiting(world, caller, approved.id));
}
