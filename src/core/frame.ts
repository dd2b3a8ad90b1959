import { authorize, requireAllowedClient } from './access.ts';
import { type Action, noTenant } from './audit/audit-event.ts';
import { type EventDetail, eventOf } from './audit/event-of.ts';
import type { Actor, Caller, SignedInCaller } from './caller.ts';
import type { Deadline } from './deadline.ts';
import type { Dependencies } from './dependencies.ts';
import { CallFailed, type Failure, failureOf, graphTraceOf } from './failure.ts';
import type { Permission } from './permission.ts';

/** One call as the edge received it. */
export type Call = {
  /** The values of all `Authorization` headers. */
  readonly authorization: readonly string[];
  /** Ours; sent to Graph as `client-request-id`. */
  readonly requestId: string;
  /** The peer's address, or what the trusted proxies in front of us say it is. */
  readonly address: string;
  /** By when it must be answered. */
  readonly deadline: Deadline;
  /** Why it is not to be carried out any more: its caller has gone away (`caller_gone`), or what followed it on
   *  its connection makes its meaning doubtful (`request_malformed`). `null` while it is. */
  readonly calledOff: () => Failure | null;
  /** Counts the call against the caller's rate; fails with `rate_limited`. */
  readonly enforceRateLimit: (caller: Caller) => void;
  /** Adds to what the edge's one log line says. */
  readonly annotate: (annotations: CallAnnotations) => void;
};

export type CallAnnotations = {
  readonly oid?: string;
  readonly tenantId?: string;
  /** The portal the caller came through. */
  readonly clientId?: string;
  readonly operationId?: string;
  /** Why after an unusable answer the connection could not be read either. */
  readonly readBackFailed?: Failure;
  /** The outcome is known, and not yet on the record. */
  readonly outcomeUnrecorded?: true;
  /** An earlier answer was given again. */
  readonly replayed?: true;
};

/** A call of someone who has signed in. */
export type SignedInCall = Call & {
  readonly signedIn: SignedInCaller;
  readonly caller: Caller;
  /** When work on it began, by the monotonic clock, in milliseconds. */
  readonly begunAt: number;
  /** Says which operation the call is about, for the log line and for the record of a refusal. */
  readonly concerns: (operationId: string) => void;
};

/** What a use case declares to the frame. */
export type UseCase<Request, Value> = {
  readonly action: Action;
  /** `null`: for everyone who comes through an allowed portal. */
  readonly permission: Permission | null;
  /** Reads the request, or fails with what is wrong with it. Called only when the caller is known and permitted, so that
   *  a stranger learns nothing about the API. */
  readonly read: () => Request | Promise<Request>;
  /** Does it. If this fails, the refusal is on the record before the caller is answered. */
  readonly run: (call: SignedInCall, request: Request) => Promise<Value>;
  /** Puts on the record that it went well, before the answer leaves. */
  readonly record: (call: SignedInCall, value: Value) => Promise<void>;
};

/** Every call: who calls → may they → what do they ask for → do it → put it on the record. Fails with any
 *  reason; with `audit_unavailable` where the record cannot be written. */
export async function frame<Request, Value>(
  dependencies: Dependencies,
  call: Call,
  useCase: UseCase<Request, Value>,
): Promise<{ call: SignedInCall; value: Value }> {
  const begunAt = dependencies.monotonic();
  const signedIn = await identify(dependencies, call);
  const { caller } = signedIn;
  call.annotate({ oid: caller.oid, tenantId: caller.tenantId, clientId: caller.clientId });
  call.enforceRateLimit(caller);

  let operationId: string | null = null;
  const signedInCall: SignedInCall = {
    ...call,
    signedIn,
    caller,
    begunAt,
    concerns(id) {
      operationId = id;
      call.annotate({ operationId: id });
    },
  };
  let value: Value;
  try {
    if (useCase.permission === null) requireAllowedClient(dependencies.access, caller);
    else authorize(dependencies.access, caller, useCase.permission);
    value = await useCase.run(signedInCall, await useCase.read());
  } catch (error) {
    await recordRefusal(dependencies, signedInCall, useCase.action, operationId, error);
    throw error;
  }
  await useCase.record(signedInCall, value);
  return { call: signedInCall, value };
}

/** Puts one event of this call on the record. Fails with `audit_unavailable`. */
export function record(dependencies: Dependencies, call: SignedInCall, detail: EventDetail): Promise<void> {
  return dependencies.audit.append(eventOf(dependencies, call, detail));
}

/** How long the call has been worked on, in milliseconds. */
export function durationOf(dependencies: Dependencies, call: SignedInCall): number {
  return Math.round(dependencies.monotonic() - call.begunAt);
}

/** Until an attempt or a decision is on the record, a call can still be called off. Fails with `caller_gone` or
 *  `request_malformed`; nothing was done then. */
export function requireNotCalledOff(call: Call): void {
  const failure = call.calledOff();
  if (failure !== null) throw new CallFailed(failure);
}

async function identify(dependencies: Dependencies, call: Call): Promise<SignedInCaller> {
  try {
    return await dependencies.identity.authenticate(call.authorization, call.deadline);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.reason === 'token_invalid') {
      const source = { caller: stranger, requestId: call.requestId, address: call.address };
      const { reason, cause } = failure;
      const detail = { event: 'refused', action: 'sign_in', result: 'refused' } as const;
      dependencies.rejectedSignIn(
        eventOf(dependencies, source, { ...detail, failure: reason, explanation: cause }),
      );
    }
    throw error;
  }
}

/** A caller whose token proves nothing. */
const stranger: Actor = {
  oid: 'unknown',
  tenantId: noTenant,
  name: null,
  clientId: 'unknown',
  kind: 'unknown',
};

async function recordRefusal(
  dependencies: Dependencies,
  call: SignedInCall,
  action: Action,
  operationId: string | null,
  error: unknown,
): Promise<void> {
  const failure = failureOf(error);
  if (failure.reason === 'audit_unavailable') return;
  await record(dependencies, call, {
    event: 'refused',
    action,
    result: 'refused',
    failure: failure.reason,
    operationId,
    graphRequestId: graphTraceOf(failure)?.requestId ?? null,
  });
}
