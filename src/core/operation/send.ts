import type { AuditEvent } from '../audit/audit-event.ts';
import { reserve } from '../deadline.ts';
import type { Dependencies } from '../dependencies.ts';
import { type Failure, type FailureReason, failureOf, graphTraceOf, noTrace } from '../failure.ts';
import type { SignedInCall } from '../frame.ts';
import type { DisconnectAnswer, PreparedMove } from '../ports.ts';
import type { Secret } from '../secret.ts';
import { disconnectingStatuses } from './connection.ts';
import { keptAnswer, outcomeMove, prepareMove } from './move.ts';
import type { Operation, StoredOperation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { conclude } from './settle.ts';
import { trySending } from './try-sending.ts';

/** An act that has ended: the operation as it is then, how it ended, and the problem that the caller gets instead of a
 *  result, if there is one. */
export type Sent = {
  readonly operation: StoredOperation;
  readonly outcome: Outcome;
  readonly failure: Failure | null;
};

type IntuneApproval = NonNullable<Operation['intuneApproval']>;
type Ending = { readonly outcome: Outcome; readonly failure: Failure | null };

const noUsableAnswer = 'No usable answer came back';

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
      // After a defect of ours while sending we know as little as after a lost answer.
      case 'outcome_unknown':
      case 'internal':
        return endingWithoutAnswer(dependencies, call, operation, token, failure, noUsableAnswer);
    }
    const { intuneApproval } = operation;
    if (intuneApproval !== null) {
      if (certainlyNotExecuted.has(failure.reason)) return stillApproved(intuneApproval, failure);
      const explanation = codeNotTaken(intuneApproval, failure);
      return endingWithoutAnswer(dependencies, call, operation, token, failure, explanation);
    }
    return failure.reason === 'intune_approval_filed'
      ? filedInIntune(operation, failure)
      : nothingDone(failure);
  }
}

/** Failures after which an act that was approved in Intune is certainly not carried out, and its approval still holds. */
const certainlyNotExecuted: ReadonlySet<FailureReason> = new Set([
  'claims_required',
  'graph_token_rejected',
  'graph_forbidden',
  'graph_throttled',
  'graph_unavailable',
  'not_sent_in_time',
  'disconnect_disabled',
  'audit_unavailable',
]);

/** The request is filed and approved as before, and its code was not used. */
function stillApproved({ code }: IntuneApproval, failure: Failure): Ending {
  const { outcome } = nothingDone(failure);
  const explanation = `It was not carried out (${failure.reason}). The request ${code} is still filed and approved in Intune.`;
  return {
    outcome: { ...outcome, status: 'approved_in_intune', explanation },
    failure: { ...failure, filed: code },
  };
}

/** Intune did not accept the code: somebody may have completed the request meanwhile. */
function codeNotTaken({ code }: IntuneApproval, failure: Failure): string {
  const other = failure.reason === 'intune_approval_filed' ? failure.approvalCode : null;
  const filed = other === null ? '' : ` and filed another request (${other})`;
  return `Intune did not take the approval code ${code}${filed}`;
}

function nothingDone(failure: Failure): Ending {
  const explanation =
    failure.reason === 'intune_approval_pending'
      ? 'Nothing was done by this call. An earlier request for the same is waiting for approval in Intune.'
      : 'Nothing was done.';
  const graphRequestId = graphTraceOf(failure)?.requestId ?? null;
  return {
    outcome: {
      status: 'failed',
      value: null,
      concludedFrom: 'answer',
      explanation,
      graphRequestId,
      reported: false,
    },
    failure,
  };
}

/** Without a usable answer the connection decides, if it shows anything. `what` begins the explanation. */
async function endingWithoutAnswer(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  token: Secret,
  failure: Failure,
  what: string,
): Promise<Ending> {
  const graph = graphTraceOf(failure) ?? noTrace;
  const graphRequestId = graph.requestId;
  const read = await readBack(dependencies, call, operation, token);
  if (read !== null) return { outcome: { ...read, graphRequestId }, failure: null };
  const cause = 'cause' in failure ? failure.cause : failure.reason;
  const explanation = `${what}, and the connection does not show whether it was done.`;
  return {
    outcome: {
      status: 'unknown',
      value: null,
      concludedFrom: null,
      explanation,
      graphRequestId,
      reported: false,
    },
    failure: { reason: 'outcome_unknown', cause, operationId: operation.id, graph },
  };
}

/** It waits for approval in Intune for three days. Without a code nobody can ask what becomes of it. */
function filedInIntune(
  { id }: StoredOperation,
  failure: Extract<Failure, { reason: 'intune_approval_filed' }>,
): Ending {
  const { approvalCode, graph } = failure;
  const graphRequestId = graph.requestId;
  const common = { value: null, concludedFrom: 'intune_approval', graphRequestId } as const;
  const completing = 'Whoever completes it in Intune carries the disconnect out.';
  if (approvalCode === null) {
    const explanation = `Intune filed a request for approval, and gave no code that can be read. ${completing}`;
    return {
      outcome: { ...common, status: 'unknown', explanation, reported: false },
      failure: { ...failure, operationId: id },
    };
  }
  const explanation = `Intune filed a request for approval (${approvalCode}). ${completing}`;
  const status = 'awaiting_intune_approval';
  return { outcome: { ...common, status, explanation, approvalCode, reported: true }, failure: null };
}

/** What Graph's 200 means: it took the disconnect on, or it failed; with any other value the connection decides. */
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
    return conclude({ ...operation, status: 'sent' }, seen, dependencies.timing.settleAfterMs);
  } catch (error) {
    call.annotate({ readBackFailed: failureOf(error) });
    return null;
  }
}

/** Puts the outcome on the record. The act is done, or may be: where its outcome cannot be written now, the caller still
 *  gets the truth, the log has the event in full, and the write is retried until it is on the record. */
async function recordOutcome(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  { outcome, failure }: Ending,
  durationMs: number,
): Promise<StoredOperation> {
  const detail = { failure: failure?.reason ?? null, durationMs };
  const prepared = prepareMove(dependencies, call, operation, outcomeMove(operation, outcome, detail));
  // Where it was declared unknown meanwhile, because the lease ended, what we know settles that.
  const late = lateMove(dependencies, call, operation, outcome, detail);
  const write = async (): Promise<StoredOperation> => {
    const moved = await dependencies.operations.move(prepared);
    if (typeof moved !== 'string') return moved;
    const settled = late === null ? moved : await dependencies.operations.move(late);
    if (typeof settled !== 'string') return settled;
    const found = (await dependencies.operations.find(operation.tenantId, operation.id)) ?? operation;
    if (late !== null && found.supersededBy !== null) await dependencies.audit.append(afterSuperseded(late));
    return found;
  };
  try {
    return await write();
  } catch (error) {
    call.annotate({ outcomeUnrecorded: true });
    dependencies.backlog.add({ kind: 'outcome', event: prepared.event, failure: failureOf(error) }, write);
    return operation;
  }
}

/** Another operation took over from it meanwhile, so that it moves no more: what came of it, and the code under which
 *  Intune may keep a request, is on the trail alone. */
function afterSuperseded({ event }: PreparedMove): AuditEvent {
  return { ...event, event: 'outcome', move: null };
}

function lateMove(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  outcome: Outcome,
  detail: Parameters<typeof outcomeMove>[2],
): PreparedMove | null {
  if (outcome.status === 'unknown') return null;
  const unknown = { ...operation, status: 'unknown' } as const;
  const explanation = outcome.explanation ?? 'The sender reported after its lease had ended.';
  const move = outcomeMove(unknown, { ...outcome, explanation }, detail);
  // This outcome is what the caller was answered, whatever was kept meanwhile.
  const change = { ...move.change, ...keptAnswer(operation, outcome) };
  return prepareMove(dependencies, call, unknown, { ...move, change });
}
