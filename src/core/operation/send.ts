import { reserve } from '../deadline.ts';
import type { Dependencies } from '../dependencies.ts';
import { CallFailed, type Failure, failureOf, graphTraceOf, noTrace } from '../failure.ts';
import type { SignedInCall } from '../frame.ts';
import type { DisconnectAnswer } from '../ports.ts';
import { retryDelayMs } from '../retry-delay.ts';
import type { Secret } from '../secret.ts';
import { disconnectingStatuses } from './connection.ts';
import { keptAnswer, outcomeMove, prepareMove } from './move.ts';
import type { StoredOperation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { conclude } from './settle.ts';
import { disabled } from './slot.ts';

/** An act that has ended: the operation as it then is, how it ended, and the problem that the caller is told
 *  instead of a result, if there is one. */
export type Sent = {
  readonly operation: StoredOperation;
  readonly outcome: Outcome;
  readonly failure: Failure | null;
};

type Ending = { readonly outcome: Outcome; readonly failure: Failure | null };

const maxRetries = 2;
// A read-back that takes longer than this is given up; a later read tells as well.
const readBackMs = 5000;
// How long the database's permission to send may be on its way.
const permissionMs = 1000;

/** Sends an operation whose attempt is on the record, finds out how it ended, and puts the outcome on the
 *  record. Never fails for what Graph or the database does: from here on every end is an outcome. */
export async function send(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  token: Secret,
): Promise<Sent> {
  const begunAt = dependencies.monotonic();
  const ending = await endingOf(dependencies, call, operation, token);
  const durationMs = Math.round(dependencies.monotonic() - begunAt);
  return { ...ending, operation: await recordOutcome(dependencies, call, operation, ending, durationMs) };
}

async function endingOf(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  token: Secret,
): Promise<Ending> {
  try {
    const answer = await trySending(dependencies, call, operation, token);
    return await judge(dependencies, call, operation, token, answer);
  } catch (error) {
    const failure = failureOf(error);
    switch (failure.reason) {
      case 'intune_approval_filed':
        return filedInIntune(operation, failure);
      // A defect of ours while sending leaves us as ignorant as a lost answer.
      case 'outcome_unknown':
      case 'internal':
        return endingWithoutAnswer(dependencies, call, operation, token, failure);
      default:
        return nothingDone(failure);
    }
  }
}

function nothingDone(failure: Failure): Ending {
  const explanation =
    failure.reason === 'intune_approval_pending'
      ? 'Nothing was done by this call. An earlier request for the same is waiting for approval in Intune.'
      : 'Nothing was done.';
  const graphRequestId = graphTraceOf(failure)?.requestId ?? null;
  const told = { value: null, explanation, graphRequestId, reported: false };
  return { outcome: { ...told, status: 'failed', concludedFrom: 'answer' }, failure };
}

/** Where no usable answer came back the connection decides, if it shows anything. */
async function endingWithoutAnswer(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  token: Secret,
  failure: Extract<Failure, { reason: 'outcome_unknown' | 'internal' }>,
): Promise<Ending> {
  const graph = graphTraceOf(failure) ?? noTrace;
  const graphRequestId = graph.requestId;
  const read = await readBack(dependencies, call, operation, token);
  if (read !== null) return { outcome: { ...read, graphRequestId }, failure: null };
  const explanation = 'No usable answer came back, and the connection does not show whether it was done.';
  const told = { value: null, explanation, graphRequestId, reported: false };
  return {
    outcome: { ...told, status: 'unknown', concludedFrom: null },
    failure: { reason: 'outcome_unknown', cause: failure.cause, operationId: operation.id, graph },
  };
}

/** Nobody knows how it will end: for three days it may be approved, rejected or completed in Intune. */
function filedInIntune(
  { id }: StoredOperation,
  failure: Extract<Failure, { reason: 'intune_approval_filed' }>,
): Ending {
  const { approvalCode, graph } = failure;
  const code = approvalCode === null ? '' : ` (${approvalCode})`;
  const explanation =
    `Intune filed a request for approval${code}. ` +
    'Whoever completes it in Intune carries the disconnect out.';
  const told = { value: null, explanation, approvalCode, graphRequestId: graph.requestId, reported: false };
  return {
    outcome: { ...told, status: 'unknown', concludedFrom: 'intune_approval' },
    failure: { ...failure, operationId: id },
  };
}

/** What a 200 of Graph's means: it took it on, or it failed; with any other word the connection decides. */
async function judge(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  token: Secret,
  { value, graph }: DisconnectAnswer,
): Promise<Ending> {
  const answered = {
    value,
    concludedFrom: 'answer',
    explanation: null,
    graphRequestId: graph.requestId,
    reported: true,
  } as const;
  const ended = (outcome: Outcome): Ending => ({ outcome, failure: null });
  if (disconnectingStatuses.includes(value)) return ended({ ...answered, status: 'accepted' });
  if (value === 'failed') {
    return ended({ ...answered, status: 'failed', explanation: 'Graph answered that it failed.' });
  }
  const read = await readBack(dependencies, call, operation, token);
  if (read !== null) return ended({ ...read, value, graphRequestId: graph.requestId });
  const explanation = `Graph answered ${value}, and the connection does not show whether it was done.`;
  return ended({ ...answered, status: 'unknown', explanation });
}

/** Reads the connection for evidence that it was done, since nothing else can be concluded this early; `null`
 *  where there is none, or where it cannot be read. */
async function readBack(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  token: Secret,
): Promise<Outcome | null> {
  try {
    const { seen } = await dependencies.connector.list({
      token,
      requestId: dependencies.newId(),
      tenantId: operation.tenantId,
      deadline: reserve(call.deadline, dependencies.timing.recordMs),
    });
    return conclude(operation, seen, dependencies.timing.settleAfterMs);
  } catch {
    call.annotate({ readBackFailed: true });
    return null;
  }
}

/** One request, and again only what was certainly not done: never connected, 429, or 503 with Retry-After; at
 *  most twice, under the attempt's own id, while there is time for Graph to answer and for us to record it. */
async function trySending(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  token: Secret,
): Promise<DisconnectAnswer> {
  const { timing } = dependencies;
  const afterActMs = Math.min(timing.graphTimeoutMs, readBackMs) + timing.recordMs;
  const deadline = reserve(call.deadline, afterActMs);
  for (let attempt = 0; ; attempt += 1) {
    if (deadline.leftMs() < timing.graphTimeoutMs)
      throw notSent('the time for this call would be up before Graph could answer');
    try {
      return await dependencies.connector.disconnect({
        token,
        requestId: operation.requestId,
        tenantId: operation.tenantId,
        deadline,
        permit: () => requirePermission(dependencies, operation),
      });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.reason !== 'graph_throttled' && failure.reason !== 'graph_unavailable') throw error;
      const waitMs = retryDelayMs(attempt, failure.retryAfterMs, dependencies.random());
      if (attempt >= maxRetries || waitMs + timing.graphTimeoutMs > deadline.leftMs()) throw error;
      await dependencies.pause(waitMs);
    }
  }
}

/** Asks the database whether this operation may be sent now: its sender still holds the slot, for as long as
 *  Graph may take; disconnecting is not switched off; an approval has not run out. Asked directly before each
 *  sending, since only the database's clock is the same for all, and runs on while a machine is paused. */
async function requirePermission(dependencies: Dependencies, operation: StoredOperation): Promise<void> {
  const { operations, timing, monotonic } = dependencies;
  const askedAt = monotonic();
  const permission = await operations.permitSending(operation.id, timing.graphTimeoutMs);
  switch (permission) {
    case 'granted':
      // What it proves is used at once or not at all.
      if (monotonic() - askedAt > permissionMs) throw notSent('the permission to send came too late');
      return;
    case 'disabled':
      throw await disabled(dependencies, operation.tenantId);
    case 'too_late':
      throw notSent('the approval has run out');
    case 'moved_already':
      throw notSent('the lease on the slot has ended, or would end before Graph could answer');
  }
}

function notSent(cause: string): CallFailed {
  return new CallFailed({ reason: 'not_sent_in_time', cause, retryAfter: 1 });
}

/** Puts the outcome on the record. The act is done, or may be: where its outcome cannot be written now the
 *  caller hears the truth all the same, it is in the log whole, and it is tried until it is on the record. */
async function recordOutcome(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  { outcome, failure }: Ending,
  durationMs: number,
): Promise<StoredOperation> {
  const told = { failure: failure?.reason ?? null, durationMs };
  const prepared = prepareMove(dependencies, call, operation, outcomeMove(operation, outcome, told));
  // Declared unknown meanwhile, because the lease ended: what we know settles that.
  const late = lateMove(dependencies, call, operation, outcome, told);
  const write = async (): Promise<StoredOperation> => {
    const moved = await dependencies.operations.move(prepared);
    if (typeof moved !== 'string') return moved;
    const settled = late === null ? moved : await dependencies.operations.move(late);
    if (typeof settled !== 'string') return settled;
    return (await dependencies.operations.find(operation.tenantId, operation.id)) ?? operation;
  };
  try {
    return await write();
  } catch {
    call.annotate({ outcomeUnrecorded: true });
    dependencies.backlog.add({ kind: 'outcome', event: prepared.event }, write);
    return operation;
  }
}

function lateMove(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  outcome: Outcome,
  told: Parameters<typeof outcomeMove>[2],
) {
  if (outcome.status === 'unknown') return null;
  const unknown = { ...operation, status: 'unknown' } as const;
  const explanation = outcome.explanation ?? 'The sender reported after its lease had ended.';
  const move = outcomeMove(unknown, { ...outcome, explanation }, told);
  // The caller heard this outcome first, whatever was kept meanwhile.
  const change = { ...move.change, ...keptAnswer(operation, outcome) };
  return prepareMove(dependencies, call, unknown, { ...move, change });
}
