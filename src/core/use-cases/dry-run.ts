import type { Dependencies } from '../dependencies.ts';
import { type Failure, failureOf, isCuredBySigningIn } from '../failure.ts';
import { type Call, durationOf, frame, record, requireNotCalledOff, type SignedInCall } from '../frame.ts';
import type { Effect } from '../operation/consequence.ts';
import { tryToReadIntuneStatus } from '../operation/intune-approval.ts';
import type { StoredOperation } from '../operation/operation.ts';
import { policyChecks, policyDemands } from '../operation/policy.ts';
import { type DisconnectRequest, requireFreeSlot } from '../operation/slot.ts';
import type { ConnectionList, KeyedOperation } from '../ports.ts';
import { answeredEarlier, matches } from './disconnect.ts';

/** What a dry run checks, in this order. */
export const checkNames = [
  'role',
  'idempotency_key_unused',
  'enabled',
  ...policyDemands,
  'on_behalf_of',
  'connection_readable',
  'unchanged',
  'connected',
  'no_open_operation',
  'intune_right_to_disconnect',
  'intune_approval',
] as const;
type CheckName = (typeof checkNames)[number];

/** One thing that must hold for a disconnect: with the failure that the disconnect would end with, or with why a
 *  dry run cannot tell. */
export type DryRunCheck = { readonly name: CheckName } & (
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
  readonly would: Effect;
};

/** What was read from Graph: the connection, and the status of the request that Intune filed for the newest operation. */
type Read = { readonly connection: ConnectionList; readonly intuneStatus: string | null };

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
  const idempotencyKey = request.idempotency?.key ?? null;
  const preconditions = await dependencies.operations.loadPreconditions(caller, idempotencyKey);
  const { newest, disabledBecause, earlier } = preconditions;
  const role = checked('role', null);
  const key = inspectKey(request, earlier);
  if (key.repeats) {
    return { checks: [role, ...key.checks], connection: null, would: 'repeat_first_answer' };
  }
  const demands = inspectPolicy(policy, caller, { ...request, idempotencyKey });
  const { checks: reading, read } = await tryToRead(dependencies, call, newest);
  const checks = [
    role,
    ...key.checks,
    checked('enabled', disabledFailure(disabledBecause)),
    ...demands,
    ...reading,
    ...(read === null ? notReached : await inspectSlot(dependencies, call, request, { ...read, newest })),
    notCheckable('intune_right_to_disconnect', 'write_permission_not_verifiable'),
    // Intune says so only to a call that acts.
    notCheckable(
      'intune_approval',
      policy.intuneApproval === 'auto' ? 'intune_may_ask_for_approval' : 'intune_may_refuse',
    ),
  ];
  requireNotCalledOff(call);
  const refused = checks.some(({ result }) => result === 'failed');
  const act = policy.approvalRequired ? 'ask_for_approval' : 'disconnect';
  return { checks, connection: read?.connection ?? null, would: refused ? 'be_refused' : act };
}

function disabledFailure(because: string | null): Failure | null {
  return because === null ? null : { reason: 'disconnect_disabled', because };
}

function checked(name: CheckName, failure: Failure | null): DryRunCheck {
  return failure === null ? { name, result: 'passed' } : { name, result: 'failed', failure };
}

function notCheckable(name: CheckName, because: UncheckableReason): DryRunCheck {
  return { name, result: 'not_checkable', because };
}

const notReached = [
  notCheckable('connected', 'not_reached'),
  notCheckable('no_open_operation', 'not_reached'),
];

/** Whether the same request had its answer already, which a disconnect would then only repeat. */
function inspectKey(
  request: DisconnectRequest,
  earlier: KeyedOperation | null,
): { checks: DryRunCheck[]; repeats: boolean } {
  if (request.idempotency === null) return { checks: [], repeats: false };
  const name = 'idempotency_key_unused';
  try {
    const repeats = answeredEarlier(request, earlier);
    return { checks: [checked(name, null)], repeats };
  } catch (error) {
    const failure = failureOf(error);
    if (failure.reason === 'internal') throw error;
    return { checks: [checked(name, failure)], repeats: false };
  }
}

function inspectPolicy(...demanded: Parameters<typeof policyChecks>): DryRunCheck[] {
  return policyChecks(...demanded).map(({ name, unmet }) => {
    if (unmet !== null && isCuredBySigningIn(unmet.failure)) throw unmet;
    return checked(name, unmet?.failure ?? null);
  });
}

/** Exchanges and reads, as the disconnect would; `read` is `null` where one of the two fails. */
async function tryToRead(
  dependencies: Dependencies,
  call: SignedInCall,
  newest: StoredOperation | null,
): Promise<{ checks: DryRunCheck[]; read: Read | null }> {
  const checks: DryRunCheck[] = [];
  let step: CheckName = 'on_behalf_of';
  try {
    const token = await dependencies.identity.exchangeUncached(call.signedIn, call);
    checks.push(checked(step, null));
    step = 'connection_readable';
    const { requestId, deadline, caller } = call;
    const { tenantId } = caller;
    const connection = await dependencies.connector.list({ token, requestId, tenantId, deadline });
    checks.push(checked(step, null));
    const intuneStatus =
      newest === null ? null : await tryToReadIntuneStatus(dependencies, call, newest, token);
    return { checks, read: { connection, intuneStatus } };
  } catch (error) {
    const failure = failureOf(error);
    if (isCuredBySigningIn(failure) || failure.reason === 'internal') throw error;
    return { checks: [...checks, checked(step, failure)], read: null };
  }
}

async function inspectSlot(
  dependencies: Dependencies,
  { caller }: SignedInCall,
  request: DisconnectRequest,
  { connection: { seen }, intuneStatus, newest }: Read & { readonly newest: StoredOperation | null },
): Promise<DryRunCheck[]> {
  const { ifMatch } = request;
  const changed = ifMatch !== null && !matches(ifMatch, seen);
  const connected = seen.members.length > 0;
  return [
    ...(ifMatch === null ? [] : [checked('unchanged', changed ? { reason: 'connection_changed' } : null)]),
    checked('connected', connected ? null : { reason: 'not_connected' }),
    checked(
      'no_open_operation',
      await slotFailure(dependencies, caller.tenantId, request, { seen, newest, intuneStatus }),
    ),
  ];
}

/** Why the slot could not be taken; `null` where it could. */
async function slotFailure(...asked: Parameters<typeof requireFreeSlot>): Promise<Failure | null> {
  try {
    await requireFreeSlot(...asked);
    return null;
  } catch (error) {
    const failure = failureOf(error);
    if (failure.reason !== 'operation_in_progress' && failure.reason !== 'operation_not_found') throw error;
    return failure;
  }
}
