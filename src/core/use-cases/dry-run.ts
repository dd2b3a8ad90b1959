import type { Dependencies } from '../dependencies.ts';
import { type FailureReason, failureOf } from '../failure.ts';
import { type Call, durationOf, frame, record, requireWanted, type SignedInCall } from '../frame.ts';
import type { StoredOperation } from '../operation/operation.ts';
import { policyChecks } from '../operation/policy.ts';
import { type DisconnectRequest, requireFreeSlot } from '../operation/slot.ts';
import type { ConnectionList } from '../ports.ts';
import { matches } from './disconnect.ts';

/** One thing that must hold for a disconnect. `reason` says why it failed, or why a read cannot tell. */
export type DryRunCheck = {
  readonly name: string;
  readonly result: 'passed' | 'failed' | 'not_checkable';
  readonly reason: FailureReason | 'write_permission_not_verifiable' | 'not_reached' | null;
};

export type DryRun = {
  readonly checks: readonly DryRunCheck[];
  readonly connection: ConnectionList | null;
  /** What the same call without `dryRun` would do. */
  readonly would: 'disconnect' | 'ask_for_approval' | 'be_refused';
};

type Add = (name: string, reason: FailureReason | null) => void;

/** Everything a disconnect does but the act: nothing is moved, sent or kept. It is on the record as a
 *  dry run. A challenge for more claims is passed on, since only the caller can answer it. */
export async function dryRun(
  dependencies: Dependencies,
  call: Call,
  readRequest: () => Promise<DisconnectRequest>,
): Promise<DryRun> {
  const { value } = await frame(dependencies, call, {
    action: 'disconnect',
    permission: 'disconnect',
    read: readRequest,
    run: (running, request) => inspect(dependencies, running, request),
    record: (running, { would }) =>
      record(dependencies, running, {
        event: 'dry_run',
        action: 'disconnect',
        result: would === 'be_refused' ? 'refused' : 'succeeded',
        durationMs: durationOf(dependencies, running),
      }),
  });
  return value;
}

async function inspect(
  dependencies: Dependencies,
  call: SignedInCall,
  request: DisconnectRequest,
): Promise<DryRun> {
  const { caller } = call;
  const policy = dependencies.policyOf(caller.tenantId);
  const checks: DryRunCheck[] = [];
  const add: Add = (name, reason) =>
    checks.push({ name, result: reason === null ? 'passed' : 'failed', reason });

  add('role', null);
  const { newest, disabledBecause } = await dependencies.operations.loadPreconditions(caller, null);
  add('enabled', disabledBecause === null ? null : 'disconnect_disabled');
  const idempotencyKey = request.idempotency?.key ?? null;
  for (const { name, unmet } of policyChecks(policy, caller, { ...request, idempotencyKey })) {
    if (unmet?.failure.reason === 'claims_required') throw unmet;
    add(name, unmet?.failure.reason ?? null);
  }

  const connection = await tryToRead(dependencies, call, add);
  if (connection === null) {
    for (const name of ['connected', 'no_open_operation']) {
      checks.push({ name, result: 'not_checkable', reason: 'not_reached' });
    }
  } else {
    await inspectSlot(dependencies, call, request, { connection, newest }, add);
  }
  checks.push({
    name: 'intune_right_to_disconnect',
    result: 'not_checkable',
    reason: 'write_permission_not_verifiable',
  });

  requireWanted(call);
  const refused = checks.some(({ result }) => result === 'failed');
  const act = policy.approvalRequired ? 'ask_for_approval' : 'disconnect';
  return { checks, connection, would: refused ? 'be_refused' : act };
}

/** Exchanges again and reads, as the disconnect would. */
async function tryToRead(
  dependencies: Dependencies,
  call: SignedInCall,
  add: Add,
): Promise<ConnectionList | null> {
  let step = 'on_behalf_of';
  try {
    const token = await dependencies.identity.exchangeAnew(call.signedIn, call);
    add(step, null);
    step = 'connection_readable';
    const { requestId, deadline, caller } = call;
    const { tenantId } = caller;
    const connection = await dependencies.connector.list({ token, requestId, tenantId, deadline });
    add(step, null);
    return connection;
  } catch (error) {
    const { reason } = failureOf(error);
    if (reason === 'claims_required' || reason === 'internal') throw error;
    add(step, reason);
    return null;
  }
}

async function inspectSlot(
  dependencies: Dependencies,
  { caller }: SignedInCall,
  request: DisconnectRequest,
  { connection: { seen }, newest }: { connection: ConnectionList; newest: StoredOperation | null },
  add: Add,
): Promise<void> {
  const { ifMatch } = request;
  if (ifMatch !== null) add('unchanged', matches(ifMatch, seen) ? null : 'connection_changed');
  add('connected', seen.members.length > 0 ? null : 'not_connected');
  try {
    await requireFreeSlot(dependencies, caller.tenantId, request, { seen, newest });
    add('no_open_operation', null);
  } catch (error) {
    const { reason } = failureOf(error);
    if (reason !== 'operation_in_progress' && reason !== 'operation_not_found') throw error;
    add('no_open_operation', reason);
  }
}
