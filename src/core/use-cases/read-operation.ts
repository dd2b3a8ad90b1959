import { authorize } from '../access.ts';
import { authenticate, type Call, record, refusalsOnRecord, type World } from '../call.ts';
import type { SignedInCaller } from '../caller.ts';
import { CallFailed, type FailureReason, failureOf } from '../failure.ts';
import { settleByReading } from '../operation/moving.ts';
import { endIsOpen, isOver, type Operation } from '../operation/operation.ts';
import type { OperationQuery } from '../ports.ts';

export type OperationView = {
  readonly operation: Operation;
  /** Why Graph could not be read for it just now; `null` where it was, or need not be. */
  readonly readFailed: FailureReason | null;
};

// How often a waiting call looks whether another replica has moved the operation, in milliseconds.
const pollMs = 500;

/** Shows an operation of the caller's own tenant. Where its end is open, Graph is read on behalf of the
 *  one who asks (at most once in `watchEveryMs` per operation, whoever asks), which may settle it. With
 *  `waitMs` it answers when the status changes, the time is up (RFC 7240 `wait`) or we are stopping. No
 *  token outlives this call. */
export async function readOperation(
  world: World,
  call: Call,
  readId: () => string,
  waitMs: number,
): Promise<OperationView> {
  const signedIn = await authenticate(world, call);
  const { caller } = signedIn;
  const begun = world.clock();

  const view = await refusalsOnRecord(world, call, caller, 'read_operation', async () => {
    authorize(world.access, caller, 'read_connection');
    const operationId = readId();
    call.note({ operationId });
    const found = await existing(world, caller.tenantId, operationId);
    let now = await watch(world, call, signedIn, { operation: found, readFailed: null });
    while (now.operation.status === found.status && !isOver(now.operation)) {
      const left = begun + waitMs - world.clock();
      if (left <= 0 || world.stopping()) break;
      await world.pause(Math.min(pollMs, left));
      const operation = await existing(world, caller.tenantId, operationId);
      now = await watch(world, call, signedIn, { operation, readFailed: now.readFailed });
    }
    return now;
  });
  await record(world, call, caller, {
    event: 'read',
    action: 'read_operation',
    operationId: view.operation.id,
    result: 'succeeded',
    durationMs: world.clock() - begun,
  });
  return view;
}

/** Lists operations of the caller's own tenant, newest first. Reads nothing from Graph. */
export async function listOperations(
  world: World,
  call: Call,
  readQuery: () => Omit<OperationQuery, 'tenantId'>,
): Promise<{ operations: readonly Operation[]; nextCursor: string | null }> {
  const { caller } = await authenticate(world, call);
  const page = await refusalsOnRecord(world, call, caller, 'read_operation', async () => {
    authorize(world.access, caller, 'read_connection');
    return world.operations.list({ ...readQuery(), tenantId: caller.tenantId });
  });
  await record(world, call, caller, { event: 'read', action: 'read_operation', result: 'succeeded' });
  return page;
}

async function existing(world: World, tenantId: string, operationId: string): Promise<Operation> {
  const operation = await world.operations.find(tenantId, operationId);
  if (operation === null) throw new CallFailed({ reason: 'operation_not_found' });
  return operation;
}

async function watch(
  world: World,
  call: Call,
  signedIn: SignedInCaller,
  view: OperationView,
): Promise<OperationView> {
  const { operation } = view;
  if (!endIsOpen(operation)) return { operation, readFailed: null };
  if (!(await world.operations.claimRead(operation.id, world.timing.watchEveryMs))) return view;
  try {
    const token = await world.identity.exchangeForRead(signedIn, call);
    const { tenantId } = signedIn.caller;
    const { seen } = await world.connector.list({
      token,
      requestId: world.newId(),
      tenantId,
      deadline: call.deadline,
    });
    return {
      operation: await settleByReading(world, call, signedIn.caller, operation, seen),
      readFailed: null,
    };
  } catch (error) {
    const { reason } = failureOf(error);
    // A challenge is for the caller to answer, and without a record nothing is done; else what is known
    // is shown, with why it could not be brought up to date.
    if (['claims_required', 'audit_unavailable', 'internal'].includes(reason)) throw error;
    return { operation, readFailed: reason };
  }
}
