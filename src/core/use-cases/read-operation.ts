import type { Dependencies } from '../dependencies.ts';
import { CallFailed, type Failure, failureOf, isCuredBySigningIn, nullIfFailed } from '../failure.ts';
import { type Call, durationOf, frame, record, type SignedInCall } from '../frame.ts';
import { isKeptByIntune, readIntuneStatus, tryToReadIntuneStatus } from '../operation/intune-approval.ts';
import { awaitsIntune, awaitsOutcome, isSettled } from '../operation/life.ts';
import { settle } from '../operation/move.ts';
import type { Operation, StoredOperation } from '../operation/operation.ts';
import { shows } from '../operation/settle.ts';
import type { OperationQuery } from '../ports.ts';
import type { Secret } from '../secret.ts';

export type OperationView = {
  readonly operation: StoredOperation;
  /** Why Graph could not be read for it just now; `null` where it was, or need not be. */
  readonly readFailed: Failure | null;
};

// How often a waiting call checks whether another replica has moved the operation, in milliseconds.
const pollMs = 500;

/** Shows an operation of the caller's own tenant. While it awaits its outcome or Intune's approval, Graph is read on
 *  behalf of the one who asks (at most once in `watchEveryMs` per operation, for all callers together), which may settle
 *  it. With `waitMs` it answers when the status changes, the time is up (RFC 7240 `wait`) or the process is stopping. No
 *  token outlives this call. */
export async function readOperation(
  dependencies: Dependencies,
  call: Call,
  readId: () => string,
  waitMs: number,
): Promise<OperationView> {
  const { value } = await frame(dependencies, call, {
    action: 'read_operation',
    permission: 'read_connection',
    read: readId,
    run: (running, operationId) => watchUntilMoved(dependencies, running, operationId, waitMs),
    record: (running, { operation }) =>
      record(dependencies, running, {
        event: 'read',
        action: 'read_operation',
        operationId: operation.id,
        result: 'succeeded',
        durationMs: durationOf(dependencies, running),
      }),
  });
  return value;
}

/** Lists operations of the caller's own tenant, newest first. Reads nothing from Graph. */
export async function listOperations(
  dependencies: Dependencies,
  call: Call,
  readQuery: () => Omit<OperationQuery, 'tenantId'>,
): Promise<{ operations: readonly Operation[]; nextCursor: string | null }> {
  const { value } = await frame(dependencies, call, {
    action: 'read_operation',
    permission: 'read_connection',
    read: readQuery,
    run: ({ caller }, query) => dependencies.operations.list({ ...query, tenantId: caller.tenantId }),
    record: (running) =>
      record(dependencies, running, { event: 'read', action: 'read_operation', result: 'succeeded' }),
  });
  return value;
}

async function watchUntilMoved(
  dependencies: Dependencies,
  call: SignedInCall,
  operationId: string,
  waitMs: number,
): Promise<OperationView> {
  call.concerns(operationId);
  const found = await existing(dependencies, call, operationId);
  let view = await watch(dependencies, call, { operation: found, readFailed: null });
  while (view.operation.status === found.status && !isSettled(view.operation)) {
    const leftMs = call.begunAt + waitMs - dependencies.monotonic();
    if (leftMs <= 0 || dependencies.stopping() || call.calledOff() !== null) break;
    await dependencies.pause(Math.min(pollMs, leftMs));
    const operation = await existing(dependencies, call, operationId);
    view = await watch(dependencies, call, { operation, readFailed: view.readFailed });
  }
  return view;
}

async function existing(
  dependencies: Dependencies,
  { caller }: SignedInCall,
  operationId: string,
): Promise<StoredOperation> {
  const operation = await dependencies.operations.find(caller.tenantId, operationId);
  if (operation === null) throw new CallFailed({ reason: 'operation_not_found' });
  return operation;
}

async function watch(
  dependencies: Dependencies,
  call: SignedInCall,
  view: OperationView,
): Promise<OperationView> {
  let { operation } = view;
  if (!awaitsOutcome(operation) && !awaitsIntune(operation)) return { operation, readFailed: null };
  const { operations, timing, connector, identity } = dependencies;
  if (!(await operations.claimRead(operation.id, timing.watchEveryMs))) return view;
  try {
    const { signedIn, deadline } = call;
    const token = await identity.exchangeForRead(signedIn, call);
    // Where the outcome is unknown, the connection may show it, whether Intune can be asked or not.
    const read = awaitsIntune(operation) ? readIntuneStatus : tryToReadIntuneStatus;
    const intuneStatus = await read(dependencies, call, operation, token);
    if (awaitsIntune(operation)) operation = await settle(dependencies, call, operation, null, intuneStatus);
    if (isKeptByIntune(intuneStatus))
      operation = await settleWithoutConnection(dependencies, call, operation, token);
    // Completed in Intune, it is compared with the connection at once.
    if (awaitsOutcome(operation)) {
      const requestId = dependencies.newId();
      const { seen } = await connector.list({ token, requestId, tenantId: operation.tenantId, deadline });
      operation = await settle(dependencies, call, operation, seen, intuneStatus);
    }
    return { operation, readFailed: null };
  } catch (error) {
    const failure = failureOf(error);
    // Without a record nothing is done; else what is known is shown, with why it could not be brought up to date.
    if (isCuredBySigningIn(failure) || ['audit_unavailable', 'internal'].includes(failure.reason))
      throw error;
    return { operation, readFailed: failure };
  }
}

/** Where the connection is gone Intune is asked again: only what it says after that tells whether the request has ended
 *  it. What cannot be read settles nothing, and does not fail the call. */
async function settleWithoutConnection(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  token: Secret,
): Promise<StoredOperation> {
  if (!awaitsIntune(operation)) return operation;
  const { tenantId, connection } = operation;
  const { deadline } = call;
  const requestId = dependencies.newId();
  const list = await nullIfFailed(dependencies.connector.list({ token, requestId, tenantId, deadline }));
  if (list === null || shows(list.seen, connection)) return operation;
  const intuneStatus = await tryToReadIntuneStatus(dependencies, call, operation, token);
  return settle(dependencies, call, operation, list.seen, intuneStatus);
}
