import { isIP } from 'node:net';
import type { Action, ActorKind, AuditEvent, Result } from '../../core/audit/audit-event.ts';

/** The version of the Open Cybersecurity Schema Framework that is written. */
const schemaVersion = '1.3.0';
const classUid = 6003;

const product = 'chromeos-connector-bff';

const activities = { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete', 99: 'Other' } as const;
const statuses = { 0: 'Unknown', 1: 'Success', 2: 'Failure' } as const;
const severities = { 1: 'Informational', 2: 'Low', 3: 'Medium', 4: 'High' } as const;

/** An event as OCSF *API Activity* (class 6003). What has no place there is under `unmapped`. */
export function ocsfOf(event: AuditEvent, sequence: number, version: string): object {
  const activityId = activityOf(event);
  const statusId = statusOf(event.result);
  const severityId = severityOf(event);
  const time = Date.parse(event.time);
  const { failure, explanation, connection, actor } = event;
  return {
    category_uid: 6,
    category_name: 'Application Activity',
    class_uid: classUid,
    class_name: 'API Activity',
    activity_id: activityId,
    activity_name: activities[activityId],
    type_uid: classUid * 100 + activityId,
    type_name: `API Activity: ${activities[activityId]}`,
    time,
    severity_id: severityId,
    severity: severities[severityId],
    status_id: statusId,
    status: statuses[statusId],
    ...((failure ?? explanation) !== null && { status_detail: failure ?? explanation }),
    message: `${event.event} ${event.action}: ${event.result}`,
    ...(event.durationMs !== null && { duration: Math.round(event.durationMs) }),
    metadata: {
      version: schemaVersion,
      product: { name: product, vendor_name: product, version },
      uid: event.id,
      sequence,
      log_name: 'audit',
      event_code: event.event,
      original_time: event.time,
      tenant_uid: event.tenantId,
      ...(event.operationId !== null && { correlation_uid: event.operationId }),
    },
    actor: {
      user: {
        uid: actor.oid,
        ...(actor.name !== null && { name: actor.name }),
        org: { uid: actor.tenantId },
        ...userTypeOf(actor.kind),
      },
      app_uid: actor.clientId,
    },
    api: {
      operation: event.action,
      request: { uid: event.requestId },
      service: { name: product },
    },
    src_endpoint:
      isIP(event.source.address) === 0 ? { name: event.source.address } : { ip: event.source.address },
    ...(connection !== null && {
      resources: [
        {
          uid: connection.id,
          type: 'chromeOSOnboardingSettings',
          ...(connection.owner !== null && { name: connection.owner }),
        },
      ],
    }),
    unmapped: {
      event: event.event,
      result: event.result,
      operation_id: event.operationId,
      graph_request_id: event.graphRequestId,
      reason: event.reason,
      ticket: event.ticket,
      value: event.value,
      failure,
      explanation,
      move: event.move,
      connection,
    },
  };
}

/** An act on the connection ends it. What prepares or prevents it changes an operation; what only
 *  looks, or answers again, reads. */
function activityOf({ event, action }: AuditEvent): keyof typeof activities {
  switch (event) {
    case 'attempt':
    case 'outcome':
    case 'removed':
      return 4;
    case 'move':
    case 'switched':
    case 'acknowledged':
      return 3;
    case 'read':
    case 'dry_run':
    case 'replayed':
      return 2;
    case 'refused':
      return intentOf(action);
  }
}

/** What a refused call set out to do. */
function intentOf(action: Action): keyof typeof activities {
  switch (action) {
    case 'disconnect':
    case 'remove_audit_events':
      return 4;
    case 'approve':
    case 'reject':
    case 'withdraw':
    case 'switch_disconnect':
    case 'acknowledge_lost_history':
      return 3;
    case 'read_connection':
    case 'read_operation':
    case 'read_audit':
    case 'read_profile':
      return 2;
    case 'sign_in':
      return 99;
  }
}

function statusOf(result: Result): keyof typeof statuses {
  switch (result) {
    case 'succeeded':
    case 'accepted':
    case 'completed':
    case 'approved':
    case 'approved_in_intune':
    case 'rejected':
      return 1;
    case 'refused':
    case 'failed':
    case 'expired':
    case 'withdrawn':
      return 2;
    case 'pending':
    case 'sent':
    case 'awaiting_approval':
    case 'awaiting_intune_approval':
    case 'unknown':
      return 0;
  }
}

function severityOf({ event, result }: AuditEvent): keyof typeof severities {
  if (result === 'unknown') return 4;
  if (
    event === 'attempt' ||
    event === 'outcome' ||
    event === 'switched' ||
    event === 'removed' ||
    event === 'acknowledged'
  )
    return 3;
  return statusOf(result) === 2 ? 2 : 1;
}

/** OCSF has no number of its own for applications and agents. */
function userTypeOf(kind: ActorKind): { type_id: number; type: string } {
  switch (kind) {
    case 'user':
      return { type_id: 1, type: 'User' };
    case 'operator':
      return { type_id: 2, type: 'Admin' };
    case 'system':
      return { type_id: 3, type: 'System' };
    case 'agent':
      return { type_id: 99, type: 'Agent' };
    case 'app':
      return { type_id: 99, type: 'Application' };
    case 'unknown':
      return { type_id: 0, type: 'Unknown' };
  }
}
