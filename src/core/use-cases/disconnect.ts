import type { Dependencies } from '../dependencies.ts';
import { CallFailed, noTrace } from '../failure.ts';
import { type Call, frame, record, type SignedInCall } from '../frame.ts';
import type { SeenConnection } from '../operation/connection.ts';
import { tryToReadIntuneStatus } from '../operation/intune-approval.ts';
import type { Operation, StoredOperation } from '../operation/operation.ts';
import { awaitingApproval, type KeptOutcome, type Outcome } from '../operation/outcome.ts';
import { meetPolicy } from '../operation/policy.ts';
import { type Sent, send } from '../operation/send.ts';
import { type DisconnectRequest, takeSlot } from '../operation/slot.ts';
import type { KeyedOperation } from '../ports.ts';
import type { Secret } from '../secret.ts';

/** What the caller is answered. */
export type DisconnectReply = {
  readonly operation: Operation;
  readonly outcome: Outcome;
  /** The call that first got this answer. */
  readonly requestId: string;
  /** It is the first answer again. */
  readonly replayed: boolean;
};

type AnsweredOperation = KeyedOperation & { readonly answer: KeptOutcome };

/** What comes of a call before anything is sent: an operation to send, a reply, or the first answer again. */
type Prepared =
  | { readonly step: 'send'; readonly operation: StoredOperation; readonly token: Secret }
  | { readonly step: 'wait'; readonly operation: StoredOperation }
  | { readonly step: 'replay'; readonly earlier: AnsweredOperation };

/** Disconnects the ChromeOS connector of the caller's tenant: once, on purpose, and on the record. Fails with
 *  any reason; with all but `outcome_unknown` and `intune_approval_filed` it is certain that nothing was
 *  disconnected, and that this call filed no request for approval in Intune. */
export async function disconnect(
  dependencies: Dependencies,
  call: Call,
  readRequest: () => Promise<DisconnectRequest>,
): Promise<DisconnectReply> {
  const { call: signedInCall, value: prepared } = await frame(dependencies, call, {
    action: 'disconnect',
    permission: 'disconnect',
    read: readRequest,
    run: (running, request) => prepare(dependencies, running, request),
    record: (running, value) => recordReplay(dependencies, running, value),
  });
  switch (prepared.step) {
    case 'send':
      return replyTo(await send(dependencies, signedInCall, prepared.operation, prepared.token));
    case 'wait': {
      const { operation } = prepared;
      return { operation, outcome: awaitingApproval, requestId: operation.requestId, replayed: false };
    }
    case 'replay':
      return replyAgain(prepared.earlier);
  }
}

/** The reply to an act that has ended. Fails where the caller gets a problem. */
export function replyTo({ operation, outcome, failure }: Sent): DisconnectReply {
  if (failure !== null) throw new CallFailed(failure);
  return { operation, outcome, requestId: operation.requestId, replayed: false };
}

/** Everything before the act: what the policy demands, a fresh exchange, a read, the slot. */
async function prepare(
  dependencies: Dependencies,
  call: SignedInCall,
  request: DisconnectRequest,
): Promise<Prepared> {
  const { caller } = call;
  const key = request.idempotency?.key ?? null;
  const { newest, disabledBecause, earlier } = await dependencies.operations.loadPreconditions(caller, key);
  if (answeredEarlier(request, earlier)) return { step: 'replay', earlier };

  requireEnabled(disabledBecause);
  meetPolicy(dependencies.policyOf(caller.tenantId), caller, { ...request, idempotencyKey: key });
  const token = await dependencies.identity.exchangeUncached(call.signedIn, call);
  return readAndTakeSlot(dependencies, call, request, { token, newest });
}

// How often to read the connection, where operations end while we do.
const maxReads = 3;

/** Reads the connection and takes the slot on what was seen, or finds that this very request had its
 *  answer meanwhile. */
async function readAndTakeSlot(
  dependencies: Dependencies,
  call: SignedInCall,
  request: DisconnectRequest,
  before: { token: Secret; newest: StoredOperation | null },
): Promise<Prepared> {
  const { operations } = dependencies;
  const { token } = before;
  let { newest } = before;
  for (let reads = 0; reads < maxReads; reads += 1) {
    const seen = await readConnectionFor(dependencies, call, token, request.ifMatch);
    if (request.idempotency !== null) {
      const earlier = await operations.findByKey(call.caller, request.idempotency.key);
      if (answeredEarlier(request, earlier)) return { step: 'replay', earlier };
    }
    const intuneStatus =
      newest === null ? null : await tryToReadIntuneStatus(dependencies, call, newest, token);
    const operation = await takeSlot(dependencies, call, request, { seen, newest, intuneStatus });
    if (operation?.status === 'awaiting_approval') return { step: 'wait', operation };
    if (operation !== null) return { step: 'send', operation, token };
    ({ newest } = await operations.loadPreconditions(call.caller, null));
  }
  throw new CallFailed({ reason: 'overloaded', retryAfter: 1 });
}

/** Fails with `disconnect_disabled` where an operator switched disconnecting off. */
function requireEnabled(because: string | null): void {
  if (because !== null) throw new CallFailed({ reason: 'disconnect_disabled', because });
}

/** Reads the connection on the caller's behalf. Fails with the read's own reason, or with
 *  `connection_changed` where it is not what the caller saw. */
export async function readConnectionFor(
  dependencies: Dependencies,
  call: SignedInCall,
  token: Secret,
  ifMatch: readonly string[] | null,
): Promise<SeenConnection> {
  const { seen } = await dependencies.connector.list({
    token,
    requestId: dependencies.newId(),
    tenantId: call.caller.tenantId,
    deadline: call.deadline,
  });
  if (ifMatch !== null && !matches(ifMatch, seen)) throw new CallFailed({ reason: 'connection_changed' });
  return seen;
}

/** Whether what was seen is what the entity tags of `If-Match` name (RFC 9110 13.1.1). */
export function matches(ifMatch: readonly string[], seen: SeenConnection): boolean {
  return ifMatch.includes('*') ? seen.members.length > 0 : ifMatch.includes(seen.etag);
}

/** Whether an earlier call with the same idempotency key had its answer (draft-ietf-httpapi-idempotency-key-header).
 *  Fails with `idempotency_key_reused` where that was another request, and with `idempotency_key_in_use` while
 *  it is still running. */
export function answeredEarlier(
  { idempotency }: DisconnectRequest,
  earlier: KeyedOperation | null,
): earlier is AnsweredOperation {
  if (idempotency === null || earlier === null) return false;
  if (earlier.fingerprint !== idempotency.fingerprint)
    throw new CallFailed({ reason: 'idempotency_key_reused' });
  if (earlier.answer === null) throw new CallFailed({ reason: 'idempotency_key_in_use', retryAfter: 2 });
  return true;
}

/** An attempt and a request for an approval are on the record already; a first answer given again is not. */
async function recordReplay(
  dependencies: Dependencies,
  call: SignedInCall,
  prepared: Prepared,
): Promise<void> {
  if (prepared.step !== 'replay') return;
  const operationId = prepared.earlier.operation.id;
  call.concerns(operationId);
  call.annotate({ replayed: true });
  await record(dependencies, call, {
    event: 'replayed',
    action: 'disconnect',
    operationId,
    result: 'succeeded',
  });
}

/** The first answer again, a problem where it was one. */
function replyAgain({ operation, answer }: AnsweredOperation): DisconnectReply {
  const { requestId, ...outcome } = answer;
  if (outcome.reported) return { operation, outcome, requestId, replayed: true };
  const again = {
    operationId: operation.id,
    replayOf: requestId,
    graph: { ...noTrace, requestId: outcome.graphRequestId },
  };
  if (outcome.concludedFrom === 'intune_approval') {
    throw new CallFailed({ reason: 'intune_approval_filed', approvalCode: null, ...again });
  }
  const cause = outcome.explanation ?? 'the first answer again';
  throw new CallFailed({ reason: 'outcome_unknown', cause, ...again });
}
