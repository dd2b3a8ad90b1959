import type { AccessRules } from './access.ts';
import { type Action, type AuditEvent, noTenant } from './audit/audit-event.ts';
import type { Caller, SignedInCaller } from './caller.ts';
import type { Deadline } from './deadline.ts';
import { failureOf, graphTraceOf } from './failure.ts';
import type { ConnectionState } from './operation/connection.ts';
import type { Operation } from './operation/operation.ts';
import type { PolicyOf } from './operation/policy.ts';
import type { AuditTrail, Clock, Connector, Identity, NewId, Operations, Pause } from './ports.ts';

/** What every use case needs of the world. */
export type World = {
  readonly access: AccessRules;
  readonly identity: Identity;
  readonly connector: Connector;
  readonly audit: AuditTrail;
  /** Takes a rejected sign-in for the record. It never fails; under attack it may drop some. */
  readonly rejectedSignIn: (event: AuditEvent) => void;
  /** Whether people's names are recorded besides their object ids. */
  readonly keepNames: boolean;
  readonly operations: Operations;
  readonly policyOf: PolicyOf;
  readonly timing: Timing;
  readonly pause: Pause;
  /** Whether the process is about to end: whoever only waits is answered now. */
  readonly stopping: () => boolean;
  /** Milliseconds of a clock that is never set back (`performance.now`): durations and deadlines. */
  readonly monotonic: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** How long things may take, in milliseconds. */
export type Timing = {
  /** One request to Graph. */
  readonly graphTimeoutMs: number;
  /** One write to the record. */
  readonly recordMs: number;
  /** The whole answer to a call, from its arrival on. */
  readonly answerMs: number;
  /** For how long a sender holds the slot. */
  readonly leaseMs: number;
  /** A connection that still stands this long after sending was not disconnected. */
  readonly settleAfterMs: number;
  /** For how long an operation can be approved and executed. */
  readonly approvalMs: number;
  /** How often Graph is read for one operation, whoever asks. */
  readonly watchEveryMs: number;
};

/** One call as the edge received it. */
export type Call = {
  /** The values of all `Authorization` headers. */
  readonly authorization: readonly string[];
  /** Ours; Graph hears it as `client-request-id`. */
  readonly requestId: string;
  /** The peer's address, or what the trusted proxies in front of us say it is. */
  readonly address: string;
  /** By when it must be answered. */
  readonly deadline: Deadline;
  /** Whether the caller has gone away: nobody would hear an answer. */
  readonly gone: () => boolean;
  /** Counts the call against the caller's rate; fails with `rate_limited`. */
  readonly admit: (caller: Caller) => void;
  /** Tells the edge what its one log line should know. */
  readonly note: (facts: CallFacts) => void;
  /** What was told so far. */
  readonly noted: () => CallFacts;
};

export type CallFacts = {
  readonly oid?: string;
  readonly tenantId?: string;
  readonly operationId?: string;
  /** The attempt stands on the record, its outcome could not be written. */
  readonly outcomeUnrecorded?: true;
  /** After an unusable answer the connection could not be read either. */
  readonly readBackFailed?: true;
  /** An earlier answer was given again. */
  readonly replayed?: true;
};

/** Tells who calls, and lets the log line know. */
export async function authenticate(world: World, call: Call): Promise<SignedInCaller> {
  const signedIn = await identify(world, call);
  call.note({ oid: signedIn.caller.oid, tenantId: signedIn.caller.tenantId });
  call.admit(signedIn.caller);
  return signedIn;
}

async function identify(world: World, call: Call): Promise<SignedInCaller> {
  try {
    return await world.identity.authenticate(call.authorization, call.deadline);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.reason === 'token_invalid') {
      const detail = { event: 'refused', action: 'sign_in', result: 'refused' } as const;
      const { reason, cause } = failure;
      world.rejectedSignIn(
        eventOf(world, call, stranger, { ...detail, failure: reason, explanation: cause }),
      );
    }
    throw error;
  }
}

/** Someone whose token says nothing that could be believed. */
const stranger: Caller = {
  oid: 'unknown',
  tenantId: noTenant,
  name: null,
  clientId: 'unknown',
  kind: 'user',
  guest: false,
  scopes: [],
  roles: [],
  authenticationContexts: [],
};

/** The caller's name as far as it may be recorded. */
export function recordedName(world: World, caller: Caller): string | null {
  return world.keepNames ? caller.name : null;
}

/** The connection as far as it may be recorded: its owner is a person too. */
export function recordedConnection(world: World, connection: ConnectionState): ConnectionState {
  return world.keepNames ? connection : { ...connection, owner: null };
}

/** What an event says beyond who, when and from where. */
export type EventDetail = Pick<AuditEvent, 'event' | 'action' | 'result'> &
  Partial<
    Pick<
      AuditEvent,
      | 'operationId'
      | 'graphRequestId'
      | 'reason'
      | 'ticket'
      | 'value'
      | 'failure'
      | 'move'
      | 'explanation'
      | 'connection'
      | 'durationMs'
    >
  >;

/** One event of this call, not yet on the record. Its names are in the order of canonical JSON, which is how
 *  it is stored. */
export function eventOf(world: World, call: Call, caller: Caller, detail: EventDetail): AuditEvent {
  return {
    action: detail.action,
    actor: {
      clientId: caller.clientId,
      name: recordedName(world, caller),
      oid: caller.oid,
      tenantId: caller.tenantId,
    },
    connection: detail.connection ?? null,
    durationMs: detail.durationMs ?? null,
    event: detail.event,
    explanation: detail.explanation ?? null,
    failure: detail.failure ?? null,
    graphRequestId: detail.graphRequestId ?? null,
    id: world.newId(),
    move: detail.move ?? null,
    operationId: detail.operationId ?? null,
    reason: detail.reason ?? null,
    requestId: call.requestId,
    result: detail.result,
    source: { address: call.address },
    tenantId: caller.tenantId,
    ticket: detail.ticket ?? null,
    time: new Date(world.clock()).toISOString(),
    value: detail.value ?? null,
  };
}

/** Puts one event of this call on the record. Gives who holds the tenant's slot by then. Fails with
 *  `audit_unavailable`. */
export function record(
  world: World,
  call: Call,
  caller: Caller,
  detail: EventDetail,
): Promise<Operation | null> {
  return world.audit.append(eventOf(world, call, caller, detail));
}

/** Runs what comes before the act; where that refuses the call, puts the refusal on the record before
 *  anyone hears of it. */
export async function refusalsOnRecord<Value>(
  world: World,
  call: Call,
  caller: Caller,
  action: Action,
  steps: () => Promise<Value>,
): Promise<Value> {
  try {
    return await steps();
  } catch (error) {
    const failure = failureOf(error);
    if (failure.reason !== 'audit_unavailable') {
      await record(world, call, caller, {
        event: 'refused',
        action,
        result: 'refused',
        failure: failure.reason,
        operationId: call.noted().operationId ?? null,
        graphRequestId: graphTraceOf(failure)?.requestId ?? null,
      });
    }
    throw error;
  }
}
