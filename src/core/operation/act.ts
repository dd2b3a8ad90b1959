import type { Call, World } from '../call.ts';
import type { Caller } from '../caller.ts';
import { CallFailed, type Failure, failureOf, type GraphTrace, graphTraceOf } from '../failure.ts';
import type { DisconnectAnswer } from '../ports.ts';
import { retryDelayMs } from '../retry-delay.ts';
import type { Secret } from '../secret.ts';
import { conclude } from './conclusion.ts';
import { disconnectingStatuses } from './connection.ts';
import { answerKept, moveOperation, sinceSent } from './moving.ts';
import type { ConcludedFrom, Operation, OperationStatus } from './operation.ts';

/** How an act ended, for the caller and the record. */
export type Ending = {
  readonly to: OperationStatus & ('accepted' | 'failed' | 'unknown');
  readonly value: string | null;
  readonly concludedFrom: ConcludedFrom | null;
  readonly explanation: string | null;
  readonly graph: GraphTrace | null;
  /** Why there is no answer to give; thrown once the outcome is on the record. */
  readonly failure: Failure | null;
};

export type Sending = {
  readonly operation: Operation;
  readonly caller: Caller;
  readonly token: Secret;
  /** When the lease on the slot began, by the process's own clock. */
  readonly leasedAt: number;
};

const maxRetries = 2;
// What must be left of the lease when Graph's time is up, in milliseconds.
const leaseMarginMs = 1000;

/** Sends an operation whose attempt is on the record, finds out how it ended, and puts the outcome on
 *  the record. Gives the ending and the operation as it then stands; never throws for what Graph does. */
export async function act(
  world: World,
  call: Call,
  sending: Sending,
): Promise<Ending & { operation: Operation }> {
  const begun = world.clock();
  const ending = await endingOf(world, call, sending);
  const operation = await recordOutcome(world, call, sending, ending, world.clock() - begun);
  return { ...ending, operation };
}

async function endingOf(world: World, call: Call, sending: Sending): Promise<Ending> {
  try {
    return await judgeAnswer(world, call, sending, await send(world, call, sending));
  } catch (error) {
    const failure = failureOf(error);
    const graph = graphTraceOf(failure);
    // A defect of ours while sending leaves us as ignorant as a lost answer.
    if (failure.reason === 'outcome_unknown' || failure.reason === 'internal') {
      const read = await readBack(world, call, sending);
      if (read !== null) return { ...read, graph };
      const operationId = sending.operation.id;
      const { cause } = failure;
      const unknown = { reason: 'outcome_unknown', cause, operationId, graph: graph ?? noTrace } as const;
      const explanation = 'No usable answer came back, and the connection does not show whether it was done.';
      return { to: 'unknown', value: null, concludedFrom: null, explanation, graph, failure: unknown };
    }
    const explanation = 'Nothing was done.';
    return { to: 'failed', value: null, concludedFrom: 'answer', explanation, graph, failure };
  }
}

const noTrace: GraphTrace = { status: null, code: null, requestId: null, date: null };

/** What a 200 of Graph's means: it accepts or it failed; any other word is held against the connection. */
async function judgeAnswer(
  world: World,
  call: Call,
  sending: Sending,
  { value, graph }: DisconnectAnswer,
): Promise<Ending> {
  const answered = { value, graph, failure: null, concludedFrom: 'answer' } as const;
  if (disconnectingStatuses.includes(value)) return { ...answered, to: 'accepted', explanation: null };
  if (value === 'failed') return { ...answered, to: 'failed', explanation: 'Graph answered that it failed.' };
  const read = await readBack(world, call, sending);
  if (read !== null) return { ...read, value, graph };
  const explanation = `Graph answered ${value}, and the connection does not show whether it was done.`;
  return { ...answered, to: 'unknown', explanation };
}

/** Looks for evidence that it was done; `null` where there is none, or where it can't be read. */
async function readBack(world: World, call: Call, sending: Sending): Promise<Ending | null> {
  const { operation, caller, token } = sending;
  try {
    const { seen } = await world.connector.list({
      token,
      requestId: world.newId(),
      tenantId: caller.tenantId,
      deadline: call.deadline,
    });
    const conclusion = conclude(operation, seen, world.clock(), world.timing.settleAfterMs);
    if (conclusion === null || conclusion.to !== 'accepted') return null;
    const { value, explanation } = conclusion;
    return { to: 'accepted', value, explanation, concludedFrom: 'reading', graph: null, failure: null };
  } catch {
    call.note({ readBackFailed: true });
    return null;
  }
}

/** One request, and again only what was certainly not done: never connected, 429, or 503 with
 *  Retry-After; at most twice, within the deadline, under the attempt's own id. */
async function send(world: World, call: Call, sending: Sending): Promise<DisconnectAnswer> {
  for (let attempt = 0; ; attempt += 1) {
    requireLease(world, sending);
    try {
      return await world.connector.disconnect({
        token: sending.token,
        requestId: sending.operation.requestId,
        tenantId: sending.caller.tenantId,
        deadline: call.deadline,
        sendBy: lastMomentToSend(world, sending),
      });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.reason !== 'graph_throttled' && failure.reason !== 'graph_unavailable') throw error;
      const waitMs = retryDelayMs(attempt, failure.retryAfterMs, world.random());
      if (
        attempt >= maxRetries ||
        waitMs + world.timing.graphTimeoutMs + afterActMs(world) > call.deadline.leftMs()
      )
        throw error;
      await world.pause(waitMs);
    }
  }
}

/** Whoever sends must still hold the slot when Graph's time is up: a process that was stopped or slow
 *  since it took the lease does not send any more. */
function requireLease(world: World, sending: Sending): void {
  if (world.clock() < lastMomentToSend(world, sending)) return;
  throw new CallFailed({
    reason: 'graph_unavailable',
    graph: noTrace,
    retryAfterMs: null,
    cause: 'the lease on the slot would end before Graph could answer',
  });
}

/** What is kept of a call's time for after the act: a read-back and the record. */
function afterActMs({ timing }: World): number {
  return Math.min(timing.graphTimeoutMs, 5000) + timing.recordMs;
}

function lastMomentToSend(world: World, { leasedAt }: Sending): number {
  const { leaseMs, graphTimeoutMs } = world.timing;
  return leasedAt + leaseMs - graphTimeoutMs - leaseMarginMs;
}

/** The act is done, or may be: when its outcome can't be written the caller still hears the truth, the
 *  operation becomes `unknown` when the lease ends, and the log and the metrics say so. */
async function recordOutcome(
  world: World,
  call: Call,
  { operation, caller }: Sending,
  ending: Ending,
  durationMs: number,
): Promise<Operation> {
  const { to, value, explanation, concludedFrom, failure } = ending;
  const graphRequestId = ending.graph?.requestId ?? null;
  // A repetition with the same key hears the first answer, unless it is certain that nothing was done.
  const freesKey = to === 'failed' && failure !== null;
  const cause = failure === null ? null : explanation;
  const answer = answerKept(operation, freesKey ? null : { outcome: to, value, cause, concludedFrom });
  const tookMs = to === 'failed' ? sinceSent(operation, world.clock()) : null;
  const move = {
    to,
    action: 'disconnect',
    change: { value, explanation, concludedFrom, graphRequestId, ...answer, tookMs },
    detail: { failure: failure?.reason ?? null, durationMs },
  } as const;
  try {
    const moved = await moveOperation(world, call, caller, operation, { ...move, event: 'outcome' });
    if (moved !== null) return moved;
    // The lease ended meanwhile and the operation was declared unknown: that was its outcome, and what
    // we know settles it.
    const now = await world.operations.find(operation.tenantId, operation.id);
    if (now?.status !== 'unknown' || to === 'unknown') return now ?? operation;
    const change = { ...move.change, explanation: explanation ?? 'Its sender reported after its time.' };
    return (await moveOperation(world, call, caller, now, { ...move, change })) ?? now;
  } catch {
    call.note({ outcomeUnrecorded: true });
    return operation;
  }
}
