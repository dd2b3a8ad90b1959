import { authorize } from '../access.ts';
import { authenticate, type Call, record, refusalsOnRecord, type World } from '../call.ts';
import type { Caller } from '../caller.ts';
import { CallFailed } from '../failure.ts';
import { act, type Ending } from '../operation/act.ts';
import type { SeenConnection } from '../operation/connection.ts';
import type { ConcludedFrom, KeptAnswer, Operation } from '../operation/operation.ts';
import { meetPolicy } from '../operation/policy.ts';
import { takeSlot } from '../operation/slot.ts';
import type { IdempotencyKey, KeyedOperation } from '../ports.ts';
import type { Secret } from '../secret.ts';

/** What the caller asks for. Reason and ticket are recorded, never sent on. */
export type DisconnectRequest = {
  readonly reason: string | null;
  readonly ticket: string | null;
  /** The operation of unknown end that this one takes over from. */
  readonly supersedes: string | null;
  readonly idempotency: IdempotencyKey | null;
  /** The entity tags of `If-Match`; `null` where there is none. `*` stands for any. */
  readonly ifMatch: readonly string[] | null;
};

/** What the caller hears; `replayed` where it is the first answer again. */
export type DisconnectReply = {
  readonly operation: Operation;
  readonly outcome: KeptAnswer['outcome'];
  readonly value: string | null;
  readonly concludedFrom: ConcludedFrom | null;
  readonly graphRequestId: string | null;
  /** The call that first got this answer. */
  readonly requestId: string;
  readonly replayed: boolean;
};

/** Disconnects the ChromeOS connector of the caller's tenant: once, on purpose, and on the record.
 *
 *  `readRequest` gives what the caller asks for, or fails with what is wrong about it; it is asked only
 *  once the caller is known, so that a stranger learns nothing about the API. Fails with any reason;
 *  with all but `outcome_unknown` it is certain that nothing was disconnected. */
export async function disconnect(
  world: World,
  call: Call,
  readRequest: () => Promise<DisconnectRequest>,
): Promise<DisconnectReply> {
  const signedIn = await authenticate(world, call);
  const { caller } = signedIn;

  const step = await refusalsOnRecord(world, call, caller, 'disconnect', async () => {
    authorize(world.access, caller, 'disconnect');
    const request = await readRequest();
    const standing = await world.operations.standing(caller, request.idempotency?.key ?? null);
    const earlier = answeredEarlier(request, standing.earlier);
    if (earlier !== null) return { earlier };

    requireEnabled(standing.disabledBecause);
    meetPolicy(world.policyOf(caller.tenantId), caller, requirements(request));
    const token = await world.identity.exchangeAnew(signedIn, call);
    return lookAndTakeSlot(world, call, caller, request, { token, newest: standing.newest });
  });

  if ('earlier' in step) return replay(world, call, caller, step.earlier);
  const { operation, token, leasedAt } = step;
  if (operation.status === 'awaiting_approval') {
    return {
      operation,
      outcome: 'awaiting_approval',
      value: null,
      concludedFrom: null,
      graphRequestId: null,
      requestId: call.requestId,
      replayed: false,
    };
  }
  const ending = await act(world, call, { operation, caller, token, leasedAt });
  return replyTo(ending);
}

/** The reply to an act that has ended; throws where there is none to give. */
export function replyTo(ending: Ending & { operation: Operation }): DisconnectReply {
  if (ending.failure !== null) throw new CallFailed(ending.failure);
  const { operation, to, value, concludedFrom, graph } = ending;
  const { requestId } = operation;
  const graphRequestId = graph?.requestId ?? null;
  return { operation, outcome: to, value, concludedFrom, graphRequestId, requestId, replayed: false };
}

// How often to look, where operations end while we do.
const maxLooks = 3;

/** Looks at the connection and takes the slot on what was seen, or finds that this very request had its
 *  answer meanwhile. */
async function lookAndTakeSlot(
  world: World,
  call: Call,
  caller: Caller,
  request: DisconnectRequest,
  before: { token: Secret; newest: Operation | null },
): Promise<{ earlier: KeyedOperation } | { operation: Operation; token: Secret; leasedAt: number }> {
  const { token } = before;
  let { newest } = before;
  for (let looks = 0; looks < maxLooks; looks += 1) {
    const seen = await look(world, call, caller, token, request.ifMatch);
    const earlier = await findEarlier(world, caller, request);
    if (earlier !== null) return { earlier };
    const leasedAt = world.clock();
    const operation = await takeSlot(world, call, caller, request, { seen, newest });
    if (operation !== null) return { operation, token, leasedAt };
    ({ newest } = await world.operations.standing(caller, null));
  }
  throw new CallFailed({ reason: 'overloaded', retryAfter: 1 });
}

/** Fails with `disconnect_disabled` where an operator switched disconnecting off. */
export function requireEnabled(because: string | null): void {
  if (because !== null) throw new CallFailed({ reason: 'disconnect_disabled', because });
}

/** Looks at the connection on the caller's behalf. Fails with the read's own reason, or with
 *  `connection_changed` where it is not what the caller saw. */
export async function look(
  world: World,
  call: Call,
  caller: Caller,
  token: Secret,
  ifMatch: readonly string[] | null,
): Promise<SeenConnection> {
  const { seen } = await world.connector.list({
    token,
    requestId: world.newId(),
    tenantId: caller.tenantId,
    deadline: call.deadline,
  });
  if (ifMatch !== null && !matches(ifMatch, seen)) throw new CallFailed({ reason: 'connection_changed' });
  return seen;
}

/** Whether what was seen is what the entity tags of `If-Match` name (RFC 9110 13.1.1). */
export function matches(ifMatch: readonly string[], seen: SeenConnection): boolean {
  return ifMatch.includes('*') ? seen.members.length > 0 : ifMatch.includes(seen.etag);
}

function requirements(request: DisconnectRequest) {
  const { reason, ticket, ifMatch } = request;
  return { reason, ticket, ifMatch, idempotencyKey: request.idempotency?.key ?? null };
}

async function findEarlier(
  world: World,
  caller: Caller,
  request: DisconnectRequest,
): Promise<KeyedOperation | null> {
  if (request.idempotency === null) return null;
  const { key } = request.idempotency;
  return answeredEarlier(request, await world.operations.findByKey(caller.tenantId, caller.oid, key));
}

/** The operation an earlier call with the same idempotency key has begun (draft-ietf-httpapi-idempotency-key-header).
 *  Fails with `idempotency_key_reused` where that was another request, and with `idempotency_key_in_use`
 *  while it is still running. */
function answeredEarlier(
  { idempotency }: DisconnectRequest,
  earlier: KeyedOperation | null,
): KeyedOperation | null {
  if (idempotency === null || earlier === null) return null;
  if (earlier.fingerprint !== idempotency.fingerprint)
    throw new CallFailed({ reason: 'idempotency_key_reused' });
  if (earlier.answer === null) throw new CallFailed({ reason: 'idempotency_key_in_use', retryAfter: 2 });
  return earlier;
}

/** The first answer again. */
async function replay(
  world: World,
  call: Call,
  caller: Caller,
  { operation, answer }: KeyedOperation,
): Promise<DisconnectReply> {
  call.note({ operationId: operation.id, replayed: true });
  await record(world, call, caller, {
    event: 'replayed',
    action: 'disconnect',
    operationId: operation.id,
    result: 'succeeded',
  });
  if (answer === null) throw new CallFailed({ reason: 'idempotency_key_in_use', retryAfter: 2 });
  if (answer.outcome === 'unknown' && answer.cause !== null) {
    throw new CallFailed({
      reason: 'outcome_unknown',
      cause: answer.cause,
      operationId: operation.id,
      replayOf: answer.requestId,
      graph: { status: null, code: null, requestId: operation.graphRequestId, date: null },
    });
  }
  // The act had an answer of Graph's; a wish for an approval had none.
  const graphRequestId = answer.outcome === 'awaiting_approval' ? null : operation.graphRequestId;
  const { outcome, value, concludedFrom, requestId } = answer;
  return { operation, outcome, value, concludedFrom, graphRequestId, requestId, replayed: true };
}
