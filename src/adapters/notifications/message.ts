import { noTenant } from '../../core/audit/audit-event.ts';
import { kindOf, type Notification, type NotificationType } from '../../core/notification.ts';
import { awaitsIntune, awaitsPeople, type OperationStatus } from '../../core/operation/life.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { wordings } from './wording.ts';

/** A person, by object id. The name is `null` where names are not kept. */
type Person = { readonly oid: string; readonly name: string | null };

/** What a receiver gets, in either format, and nothing else. */
export type Message = {
  readonly id: string;
  readonly type: NotificationType;
  /** When it happened, ISO 8601 in UTC. */
  readonly time: string;
  readonly title: string;
  readonly consequence: string;
  /** `null`: all tenants, or what belongs to none. */
  readonly tenantId: string | null;
  readonly operationId: string | null;
  readonly status: OperationStatus | null;
  /** Who did it: a person, an operator (whose name is what they call themselves), or the service. */
  readonly by: (Person & { readonly kind: string }) | null;
  readonly requester: Person | null;
  /** Why, as the requester wrote it. */
  readonly reason: string | null;
  readonly ticket: string | null;
  /** Of this step: the approver's reason, the reason for a withdrawal, or how it ended. */
  readonly explanation: string | null;
  readonly connection: { readonly id: string; readonly owner: string | null } | null;
  /** Of the request that Intune filed for an approval of its own. */
  readonly intuneApprovalCode: string | null;
  /** Until when it can be approved and executed. */
  readonly expiresAt: string | null;
  /** A portal's page of the operation. */
  readonly link: string | null;
};

export type MessageOptions = {
  /** Whether people's names are sent besides their object ids. */
  readonly keepNames: boolean;
  /** A URL with `{operationId}` in it. */
  readonly portalUrl: string | null;
};

/** The message about something that happened. */
export function messageOf(notification: Notification, { keepNames, portalUrl }: MessageOptions): Message {
  const { id, type, tenantId, queuedAt, event, operation, detail } = notification;
  const named = <Name>(name: Name): Name | null => (keepNames ? name : null);
  const actor = event?.actor ?? null;
  return {
    id,
    type,
    time: event?.time ?? queuedAt,
    ...wordings[kindOf(type)],
    tenantId: tenantId === noTenant ? null : tenantId,
    operationId: operation?.id ?? null,
    status: event?.move?.to ?? null,
    by: actor && {
      kind: actor.kind,
      oid: actor.oid,
      // Operators and the service have no object id in the tenant: the name is all that identifies them.
      name: actor.kind === 'operator' || actor.kind === 'system' ? actor.name : named(actor.name),
    },
    requester: operation && { oid: operation.requester.oid, name: named(operation.requester.name) },
    reason: event?.reason ?? null,
    ticket: event?.ticket ?? null,
    explanation: event?.explanation ?? explanationOf(detail),
    connection: operation && { id: operation.connection.id, owner: named(operation.connection.owner) },
    intuneApprovalCode: operation?.intuneApproval?.code ?? null,
    expiresAt: expiryOf(operation, event?.move?.to ?? null),
    link: operation && (portalUrl?.replaceAll('{operationId}', operation.id) ?? null),
  };
}

function expiryOf(operation: Operation | null, status: OperationStatus | null): string | null {
  const waits = status !== null && (awaitsPeople({ status }) || awaitsIntune({ status }));
  return waits ? (operation?.expiresAt ?? null) : null;
}

/** Of what no audit event records: history that is lost or contradicted. */
function explanationOf({ number, message }: Notification['detail']): string | null {
  if (typeof message === 'string') return message;
  return typeof number === 'number' ? `Events up to ${number} had been on record.` : null;
}
