import type { Operation, StoredOperation } from '../../core/operation/operation.ts';
import type { KeptOutcome } from '../../core/operation/outcome.ts';
import type { KeyedOperation } from '../../core/ports.ts';

/** A row of `operations`, as pg reads it. */
export type OperationRow = {
  id: string;
  position: string;
  tenant_id: string;
  status: Operation['status'];
  requester_oid: string;
  requester_name: string | null;
  requester_client_id: string;
  reason: string | null;
  ticket: string | null;
  connection: Operation['connection'];
  request_id: string;
  graph_request_id: string | null;
  value: string | null;
  concluded_from: Operation['concludedFrom'];
  explanation: string | null;
  approval: Operation['approval'];
  intune_approval: Operation['intuneApproval'];
  may_be_filed: boolean;
  supersedes: string | null;
  superseded_by: string | null;
  requested_at: Date;
  sent_at: Date | null;
  moved_at: Date;
  expires_at: Date | null;
  took_ms: string | null;
  /** What `storedOperation` adds. */
  since_sent_ms: string | null;
  since_moved_ms: string;
  overdue: boolean;
};

export function operationFrom(row: OperationRow): StoredOperation {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    status: row.status,
    requester: { oid: row.requester_oid, name: row.requester_name, clientId: row.requester_client_id },
    reason: row.reason,
    ticket: row.ticket,
    connection: row.connection,
    requestId: row.request_id,
    graphRequestId: row.graph_request_id,
    value: row.value,
    concludedFrom: row.concluded_from,
    explanation: row.explanation,
    approval: row.approval,
    intuneApproval: row.intune_approval,
    supersedes: row.supersedes,
    supersededBy: row.superseded_by,
    requestedAt: row.requested_at.toISOString(),
    sentAt: row.sent_at?.toISOString() ?? null,
    movedAt: row.moved_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    tookMs: row.took_ms === null ? null : Number(row.took_ms),
    sinceSentMs: row.since_sent_ms === null ? null : Number(row.since_sent_ms),
    sinceMovedMs: Number(row.since_moved_ms),
    mayBeFiled: row.may_be_filed,
    overdue: row.overdue,
  };
}

export type KeyedRow = OperationRow & { idempotency_fingerprint: string; answer: KeptOutcome | null };

export function keyedFrom(row: KeyedRow): KeyedOperation {
  return { operation: operationFrom(row), fingerprint: row.idempotency_fingerprint, answer: row.answer };
}
