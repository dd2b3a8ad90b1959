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

/** One event, not yet on the record. Its names are in the order of canonical JSON (RFC 8785), which is how it
 *  is stored. */
export function eventOf(
  dependencies: Pick<Dependencies, 'keepNames' | 'newId' | 'clock'>,
  { caller, requestId, address }: EventSource,
  detail: EventDetail,
): AuditEvent {
  return {
    action: detail.action,
    actor: {
      clientId: caller.clientId,
      kind: caller.kind,
      name: recordedName(dependencies, caller),
      oid: caller.oid,
      tenantId: caller.tenantId,
    },
    connection: detail.connection ?? null,
    durationMs: detail.durationMs ?? null,
    event: detail.event,
    explanation: detail.explanation ?? null,
    failure: detail.failure ?? null,
    graphRequestId: detail.graphRequestId ?? null,
    id: dependencies.newId(),
    move: detail.move ?? null,
    operationId: detail.operationId ?? null,
    reason: detail.reason ?? null,
    requestId,
    result: detail.result,
    source: { address },
    tenantId: caller.tenantId,
    ticket: detail.ticket ?? null,
    time: new Date(dependencies.clock()).toISOString(),
    value: detail.value ?? null,
  };
}
