import type { Dependencies } from '../dependencies.ts';
import { type Failure, failureOf, isCuredBySigningIn } from '../failure.ts';
import { type Call, durationOf, frame, record, requireNotCalledOff, type SignedInCall } from '../frame.ts';
import type { Would } from '../operation/consequence.ts';
import { tryToReadIntuneStatus } from '../operation/intune-approval.ts';
import type { StoredOperation } from '../operation/operation.ts';
import { policyChecks } from '../operation/policy.ts';
import { type DisconnectRequest, requireFreeSlot } from '../operation/slot.ts';
import type { ConnectionList, KeyedOperation } from '../ports.ts';
import { answeredEarlier, matches } from './disconnect.ts';

/** One thing that must hold for a disconnect: with the failure that the disconnect would end with, or with why a
 *  dry run cannot tell. */
export type DryRunCheck = { readonly name: string } & (
  | { readonly result: 'passed' }
  | { readonly result: 'failed'; readonly failure: Failure }
  | { readonly result: 'not_checkable'; readonly because: UncheckableReason }
);

/** Why a dry run cannot tell. */
export type UncheckableReason =
  | 'write_permission_not_verifiable'
  | 'not_reached'
  /** Whether Intune demands an approval of its own. Then the disconnect waits for it, */
  | 'intune_may_ask_for_approval'
  /** or is refused. */
  | 'intune_may_refuse';

export type DryRun = {
  readonly checks: readonly DryRunCheck[];
  readonly connection: ConnectionList | null;
  /** What the same call without `dryRun` would do. */
  readonly would: Would;
};

/** What was read from Graph: the connection, and what Intune says of the request it filed for the newest operation. */
type Read = { readonly connection: ConnectionList; readonly intuneStatus: string | null };

type Add = (name: string, failure: Failure | null) => void;

/** Everything a disconnect does but the act: nothing is moved, sent or kept. It is on the record as a dry run. Fails
 *  with `claims_required`, `assertion_rejected` or `graph_token_rejected` where the caller must sign in again. */
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
  const add: Add = (name, failure) =>
    checks.push(failure === null ? { name, result: 'passed' } : { name, result: 'failed', failure });

  add('role', null);
  const idempotencyKey = request.idempotency?.key ?? null;
  const { newest, disabledBecause, earlier } = await dependencies.operations.loadPreconditions(
    caller,
    idempotencyKey,
  );
  if (inspectKey(request, earlier, add)) return { checks, connection: null, would: 'repeat_first_answer' };
  add(
    'enabled',
    disabledBecause === null ? null : { reason: 'disconnect_disabled', because: disabledBecause },
  );
  for (const { name, unmet } of policyChecks(policy, caller, { ...request, idempotencyKey })) {
    if (unmet !== null && isCuredBySigningIn(unmet.failure)) throw unmet;
    add(name, unmet?.failure ?? null);
  }

  const read = await tryToRead(dependencies, call, newest, add);
  const connection = read?.connection ?? null;
  if (read === null) {
    for (const name of ['connected', 'no_open_operation']) {
      checks.push({ name, result: 'not_checkable', because: 'not_reached' });
    }
  } else {
    await inspectSlot(dependencies, call, request, { ...read, newest }, add);
  }
  checks.push({
    name: 'intune_right_to_disconnect',
    result: 'not_checkable',
    because: 'write_permission_not_verifiable',
  });

  // Intune says so only to a call that acts.
  const because = policy.intuneApproval === 'auto' ? 'intune_may_ask_for_approval' : 'intune_may_refuse';
  checks.push({ name: 'intune_approval', result: 'not_checkable', because });

  requireNotCalledOff(call);
  const refused = checks.some(({ result }) => result === 'failed');
  const act = policy.approvalRequired ? 'ask_for_approval' : 'disconnect';
  return { checks, connection, would: refused ? 'be_refused' : act };
}

/** Whether the same request had its answer already, which a disconnect would then only repeat. */
function inspectKey(request: DisconnectRequest, earlier: KeyedOperation | null, add: Add): boolean {
  if (request.idempotency === null) return false;
  try {
    const repeats = answeredEarlier(request, earlier);
    add('idempotency_key_unused', null);
    return repeats;
  } catch (error) {
    add('idempotency_key_unused', failureOf(error));
    return false;
  }
}

/** Exchanges again and reads, as the disconnect would. */
async function tryToRead(
  dependencies: Dependencies,
  call: SignedInCall,
  newest: StoredOperation | null,
  add: Add,
): Promise<Read | null> {
  let step = 'on_behalf_of';
  try {
    const token = await dependencies.identity.exchangeUncached(call.signedIn, call);
    add(step, null);
    step = 'connection_readable';
    const { requestId, deadline, caller } = call;
    const { tenantId } = caller;
    const connection = await dependencies.connector.list({ token, requestId, tenantId, deadline });
    add(step, null);
    const intuneStatus =
      newest === null ? null : await tryToReadIntuneStatus(dependencies, call, newest, token);
    return { connection, intuneStatus };
  } catch (error) {
    const failure = failureOf(error);
    if (isCuredBySigningIn(failure) || failure.reason === 'internal') throw error;
    add(step, failure);
    return null;
  }
}

async function inspectSlot(
  dependencies: Dependencies,
  { caller }: SignedInCall,
  request: DisconnectRequest,
  { connection: { seen }, intuneStatus, newest }: Read & { readonly newest: StoredOperation | null },
  add: Add,
): Promise<void> {
  const { ifMatch } = request;
  if (ifMatch !== null) add('unchanged', matches(ifMatch, seen) ? null : { reason: 'connection_changed' });
  add('connected', seen.members.length > 0 ? null : { reason: 'not_connected' });
  try {
    await requireFreeSlot(dependencies, caller.tenantId, request, { seen, newest, intuneStatus });
    add('no_open_operation', null);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.reason !== 'operation_in_progress' && failure.reason !== 'operation_not_found') throw error;
    add('no_open_operation', failure);
  }
}
