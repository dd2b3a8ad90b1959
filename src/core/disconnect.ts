import { authorize } from './access.ts';
import { authenticate, type Call, type EventDetail, record, refusalsOnRecord, type World } from './call.ts';
import type { Caller } from './caller.ts';
import { failureOf, graphTraceOf } from './failure.ts';
import type { DisconnectAnswer } from './ports.ts';

/** Why the caller wants it, in their own words: recorded, never sent on. */
export type DisconnectIntent = { readonly reason: string | null; readonly ticket: string | null };

export type Disconnected = DisconnectAnswer & { readonly operationId: string };

/** Disconnects the ChromeOS connector of the caller's tenant: once, on purpose, and on the record.
 *
 *  `readIntent` gives what the caller said, or fails with what is wrong about it; it is asked only
 *  once the caller is known, so that a stranger learns nothing about the API. Fails with any reason;
 *  with all but `outcome_unknown` it is certain that nothing was disconnected. */
export async function disconnect(
  world: World,
  call: Call,
  readIntent: () => DisconnectIntent,
): Promise<Disconnected> {
  const signedIn = await authenticate(world, call);
  const { caller } = signedIn;

  const { intent, token } = await refusalsOnRecord(world, call, caller, 'disconnect', async () => {
    authorize(world.access, caller, 'disconnect');
    return { intent: readIntent(), token: await world.identity.exchangeAnew(signedIn) };
  });

  const operation = { operationId: world.newId(), action: 'disconnect', ...intent } as const;
  call.note({ operationId: operation.operationId });
  await record(world, call, caller, { ...operation, event: 'attempt', result: 'pending' });

  const begun = world.clock();
  const ending = await endingOf(
    world.connector.disconnect({ token, requestId: call.requestId, tenantId: caller.tenantId }),
  );
  await recordOutcome(world, call, caller, {
    ...operation,
    ...ending.outcome,
    durationMs: world.clock() - begun,
  });

  if (!ending.done) throw ending.error;
  return { ...ending.answer, operationId: operation.operationId };
}

type Outcome = Pick<EventDetail, 'result' | 'value' | 'failure' | 'graphRequestId'>;
type Ending =
  | { readonly done: true; readonly answer: DisconnectAnswer; readonly outcome: Outcome }
  | { readonly done: false; readonly error: unknown; readonly outcome: Outcome };

/** How the act ended, good or bad, as the record tells it. */
async function endingOf(act: Promise<DisconnectAnswer>): Promise<Ending> {
  try {
    const answer = await act;
    const outcome = {
      result: 'accepted',
      value: answer.value,
      graphRequestId: answer.graph.requestId,
    } as const;
    return { done: true, answer, outcome };
  } catch (error) {
    const failure = failureOf(error);
    // A defect of ours after the attempt leaves us as ignorant as a lost answer.
    const unknown = failure.reason === 'outcome_unknown' || failure.reason === 'internal';
    const outcome = {
      result: unknown ? 'unknown' : 'failed',
      failure: failure.reason,
      graphRequestId: graphTraceOf(failure)?.requestId ?? null,
    } as const;
    return { done: false, error, outcome };
  }
}

/** The act is done, or may be: when its outcome can't be written the caller still hears the truth, the
 *  attempt stands on the record without an outcome, and the log and the metrics say so. */
async function recordOutcome(
  world: World,
  call: Call,
  caller: Caller,
  detail: Omit<EventDetail, 'event'>,
): Promise<void> {
  try {
    await record(world, call, caller, { ...detail, event: 'outcome' });
  } catch {
    call.note({ outcomeUnrecorded: true });
  }
}
