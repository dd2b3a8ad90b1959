import type { AccessRules } from './access.ts';
import type { Action, AuditEvent, EventKind, Result } from './audit-event.ts';
import type { Caller, SignedInCaller } from './caller.ts';
import { failureOf, graphTraceOf } from './failure.ts';
import type { AuditTrail, Clock, Connector, Identity, NewId } from './ports.ts';

/** What every use case needs of the world. */
export type World = {
  readonly access: AccessRules;
  readonly identity: Identity;
  readonly connector: Connector;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** One call as the edge received it. */
export type Call = {
  /** The values of all `Authorization` headers. */
  readonly authorization: readonly string[];
  /** Ours; Graph hears it as `client-request-id`. */
  readonly requestId: string;
  /** The peer's address, or what the trusted proxies in front of us say it is. */
  readonly address: string;
  /** Tells the edge what its one log line should know. */
  readonly note: (facts: CallFacts) => void;
};

export type CallFacts = {
  readonly oid?: string;
  readonly tenantId?: string;
  readonly operationId?: string;
  /** The attempt stands on the record, its outcome could not be written. */
  readonly outcomeUnrecorded?: true;
};

/** Tells who calls, and lets the log line know. */
export async function authenticate(world: World, call: Call): Promise<SignedInCaller> {
  const signedIn = await world.identity.authenticate(call.authorization);
  call.note({ oid: signedIn.caller.oid, tenantId: signedIn.caller.tenantId });
  return signedIn;
}

/** What an event says beyond who, when and from where. */
export type EventDetail = Partial<
  Pick<
    AuditEvent,
    'operationId' | 'graphRequestId' | 'reason' | 'ticket' | 'value' | 'failure' | 'durationMs'
  >
> & { readonly event: EventKind; readonly action: Action; readonly result: Result };

/** Puts one event of this call on the record. Fails with `audit_unavailable`. */
export async function record(world: World, call: Call, caller: Caller, detail: EventDetail): Promise<void> {
  await world.audit.append({
    id: world.newId(),
    time: new Date(world.clock()).toISOString(),
    event: detail.event,
    action: detail.action,
    operationId: detail.operationId ?? null,
    tenantId: caller.tenantId,
    actor: { oid: caller.oid, tenantId: caller.tenantId, name: caller.name, clientId: caller.clientId },
    source: { address: call.address },
    requestId: call.requestId,
    graphRequestId: detail.graphRequestId ?? null,
    reason: detail.reason ?? null,
    ticket: detail.ticket ?? null,
    result: detail.result,
    value: detail.value ?? null,
    failure: detail.failure ?? null,
    durationMs: detail.durationMs ?? null,
  });
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
        graphRequestId: graphTraceOf(failure)?.requestId ?? null,
      });
    }
    throw error;
  }
}
