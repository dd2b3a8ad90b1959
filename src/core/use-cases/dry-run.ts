import { authorize } from '../access.ts';
import { authenticate, type Call, record, refusalsOnRecord, type World } from '../call.ts';
import type { SignedInCaller } from '../caller.ts';
import { type FailureReason, failureOf } from '../failure.ts';
import { conclude } from '../operation/conclusion.ts';
import { isFinal, type Operation } from '../operation/operation.ts';
import { policyChecks } from '../operation/policy.ts';
import { isOverdue, mayBeSuperseded } from '../operation/slot.ts';
import type { ConnectionList } from '../ports.ts';
import { type DisconnectRequest, matches } from './disconnect.ts';

/** One thing that must hold for a disconnect. `reason` says why it failed, or why a look can't tell. */
export type DryRunCheck = {
  readonly name: string;
  readonly result: 'passed' | 'failed' | 'not_checkable';
  readonly reason: FailureReason | 'a_read_can_not_prove_the_right_to_write' | 'not_reached' | null;
};

export type DryRun = {
  readonly checks: readonly DryRunCheck[];
  readonly connection: ConnectionList | null;
  /** What the same call without `dryRun` would do. */
  readonly would: 'disconnect' | 'ask_for_approval' | 'be_refused';
};

/** Everything a disconnect does but the act: nothing is moved, sent or kept. It is on the record as a
 *  dry run. A challenge for more claims is passed on, since only the caller can answer it. */
export async function dryRun(
  world: World,
  call: Call,
  readRequest: () => Promise<DisconnectRequest>,
): Promise<DryRun> {
  const signedIn = await authenticate(world, call);
  const { caller } = signedIn;
  const begun = world.clock();

  const run = await refusalsOnRecord(world, call, caller, 'disconnect', async () => {
    authorize(world.access, caller, 'disconnect');
    return inspect(world, call, signedIn, await readRequest());
  });
  await record(world, call, caller, {
    event: 'dry_run',
    action: 'disconnect',
    result: run.would === 'be_refused' ? 'refused' : 'succeeded',
    durationMs: world.clock() - begun,
  });
  return run;
}

async function inspect(
  world: World,
  call: Call,
  signedIn: SignedInCaller,
  request: DisconnectRequest,
): Promise<DryRun> {
  const { caller } = signedIn;
  const policy = world.policyOf(caller.tenantId);
  const checks: DryRunCheck[] = [];
  const add = (name: string, reason: FailureReason | null) =>
    checks.push({ name, result: reason === null ? 'passed' : 'failed', reason });

  add('role', null);
  const disabled = await world.operations.disabledBecause(caller.tenantId);
  add('enabled', disabled === null ? null : 'disconnect_disabled');
  const { reason, ticket, ifMatch } = request;
  const idempotencyKey = request.idempotency?.key ?? null;
  for (const { name, unmet } of policyChecks(policy, caller, { reason, ticket, ifMatch, idempotencyKey })) {
    if (unmet?.failure.reason === 'claims_required') throw unmet;
    add(name, unmet?.failure.reason ?? null);
  }

  const connection = await tryToRead(world, call, signedIn, add);
  if (connection === null) {
    for (const name of ['connected', 'no_open_operation']) {
      checks.push({ name, result: 'not_checkable', reason: 'not_reached' });
    }
  } else {
    const { seen } = connection;
    if (ifMatch !== null) {
      add('unchanged', matches(ifMatch, seen) ? null : 'connection_changed');
    }
    add('connected', seen.members.length > 0 ? null : 'not_connected');
    const holder = await world.operations.findOpen(caller.tenantId);
    const free = holder === null || (await wouldMakeWay(world, holder, connection, request.supersedes));
    add('no_open_operation', free ? null : 'operation_in_progress');
  }
  checks.push({
    name: 'intune_right_to_disconnect',
    result: 'not_checkable',
    reason: 'a_read_can_not_prove_the_right_to_write',
  });

  const refused = checks.some(({ result, reason: why }) => result === 'failed' || why === 'not_reached');
  const act = policy.approvalRequired ? 'ask_for_approval' : 'disconnect';
  return { checks, connection, would: refused ? 'be_refused' : act };
}

/** Exchanges anew and reads, as the disconnect would. */
async function tryToRead(
  world: World,
  call: Call,
  signedIn: SignedInCaller,
  add: (name: string, reason: FailureReason | null) => void,
): Promise<ConnectionList | null> {
  let step = 'on_behalf_of';
  try {
    const token = await world.identity.exchangeAnew(signedIn, call);
    add(step, null);
    step = 'connection_readable';
    const { tenantId } = signedIn.caller;
    const connection = await world.connector.list({
      token,
      requestId: call.requestId,
      tenantId,
      deadline: call.deadline,
    });
    add(step, null);
    return connection;
  } catch (error) {
    const { reason } = failureOf(error);
    if (reason === 'claims_required' || reason === 'internal') throw error;
    add(step, reason);
    return null;
  }
}

async function wouldMakeWay(
  world: World,
  found: Operation,
  { seen }: ConnectionList,
  supersedes: string | null,
): Promise<boolean> {
  let holder = found;
  if (await isOverdue(world, holder)) {
    if (holder.status !== 'sent') return true;
    holder = { ...holder, status: 'unknown' };
  }
  if (holder.id === supersedes && mayBeSuperseded(world, holder)) return true;
  const waiting = holder.status === 'awaiting_approval' || holder.status === 'approved';
  if (waiting) return !seen.members.some(({ id }) => id === holder.connection.id);
  const conclusion = conclude(holder, seen, world.clock(), world.timing.settleAfterMs);
  return conclusion !== null && holder.status !== 'sent' && isFinal(conclusion.to);
}
