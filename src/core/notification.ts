import type { AuditEvent } from './audit/audit-event.ts';
import { type OperationStatus, operationStatuses } from './operation/life.ts';
import type { Operation } from './operation/operation.ts';

const prefix = 'chromeos-connector-bff.';

/** What receivers outside can be notified of: every status of an operation, and what happens to the service and
 *  its record. The database's functions queue these very names, without the prefix. */
export const notificationKinds = [
  ...operationStatuses.map((status) => `operation.${status}` as const),
  'switch.off',
  'switch.on',
  'history.lost',
  'history.acknowledged',
  'history.contradicted',
] as const;
export type NotificationKind =
  | `operation.${OperationStatus}`
  | Exclude<(typeof notificationKinds)[number], `operation.${string}`>;

/** The `type` of a notification as receivers know it. */
export type NotificationType = `${typeof prefix}${NotificationKind}`;

export const notificationTypes: readonly NotificationType[] = notificationKinds.map(typeOf);

export function typeOf(kind: NotificationKind): NotificationType {
  return `${prefix}${kind}`;
}

export function kindOf(type: NotificationType): NotificationKind {
  return type.slice(prefix.length) as NotificationKind;
}

/** Something to notify receivers of. It happened: it is on record in the same commit that queued this. */
export type Notification = {
  /** The same at every try: that of the audit event, where there is one. */
  readonly id: string;
  readonly type: NotificationType;
  /** `null`: all tenants. `none`: what belongs to no tenant. */
  readonly tenantId: string | null;
  /** ISO 8601 in UTC. */
  readonly queuedAt: string;
  readonly event: AuditEvent | null;
  readonly operation: Operation | null;
  /** What is on record in neither of them. */
  readonly detail: Readonly<Record<string, unknown>>;
};
