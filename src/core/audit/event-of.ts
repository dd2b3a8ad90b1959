import type { Actor } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import type { ConnectionState } from '../operation/connection.ts';
import type { AuditEvent } from './audit-event.ts';

/** Who acted, from where, and under which request id. */
export type EventSource = {
  readonly caller: Actor;
  readonly requestId: string;
  readonly address: string;
};

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

type Names = Pick<Dependencies, 'keepNames'>;

/** The caller's name as far as it may be recorded. */
export function recordedName({ keepNames }: Names, caller: Pick<Actor, 'name'>): string | null {
  return keepNames ? caller.name : null;
}

/** The connection as far as it may be recorded: its owner is a person too. */
export function recordedConnection({ keepNames }: Names, connection: ConnectionState): ConnectionState {
  return keepNames ? connection : { ...connection, owner: null };
}

/** One event of a call, not yet on the record. */
export function eventOf(
  dependencies: Pick<Dependencies, 'keepNames' | 'newId' | 'clock'>,
  { caller, requestId, address }: EventSource,
  detail: EventDetail,
): AuditEvent {
  const { clientId, kind, oid, tenantId } = caller;
  return event({
    ...detail,
    id: dependencies.newId(),
    time: new Date(dependencies.clock()).toISOString(),
    tenantId,
    actor: { clientId, kind, name: recordedName(dependencies, caller), oid, tenantId },
    requestId,
    address,
  });
}

/** An operator's act by a command, in a tenant. */
export type OperatorAct = {
  readonly id: string;
  readonly time: Date;
  readonly tenantId: string;
  /** Who, as they call themselves. */
  readonly by: string;
  readonly command: string;
};

/** One event of an operator's, not yet on the record. The name is always kept: it is all that identifies them. */
export function operatorEventOf(
  { id, time, tenantId, by, command }: OperatorAct,
  detail: Omit<EventDetail, 'result'>,
): AuditEvent {
  return event({
    ...detail,
    result: 'succeeded',
    id,
    time: time.toISOString(),
    tenantId,
    actor: { clientId: command, kind: 'operator', name: by, oid: 'operator', tenantId },
    requestId: id,
    address: 'internal',
  });
}

/** Its names are in the order of canonical JSON (RFC 8785), which is how it is stored. */
function event({
  address,
  ...given
}: EventDetail &
  Pick<AuditEvent, 'id' | 'time' | 'tenantId' | 'actor' | 'requestId'> & { address: string }): AuditEvent {
  return {
    action: given.action,
    actor: given.actor,
    connection: given.connection ?? null,
    durationMs: given.durationMs ?? null,
    event: given.event,
    explanation: given.explanation ?? null,
    failure: given.failure ?? null,
    graphRequestId: given.graphRequestId ?? null,
    id: given.id,
    move: given.move ?? null,
    operationId: given.operationId ?? null,
    reason: given.reason ?? null,
    requestId: given.requestId,
    result: given.result,
    source: { address },
    tenantId: given.tenantId,
    ticket: given.ticket ?? null,
    time: given.time,
    value: given.value ?? null,
  };
}
