import { type Notification, typeOf } from '../../src/core/notification.ts';
import { sampleEvent } from './audit.ts';
import { connected } from './core.ts';

/** An approval that is wanted, always the same. */
export function sampleNotification(): Notification {
  const tenantId = '11111111-1111-4111-8111-111111111111';
  const operationId = '0b6f1d0e-7c53-4d0b-9a55-1d2f3c4b5a69';
  const id = '7d0c1f2e-3b4a-4c5d-8e6f-9a0b1c2d3e4f';
  const requestedAt = '2026-01-31T10:20:30.456Z';
  return {
    id,
    type: typeOf('operation.awaiting_approval'),
    tenantId,
    queuedAt: requestedAt,
    event: sampleEvent(tenantId, {
      id,
      operationId,
      event: 'move',
      result: 'awaiting_approval',
      move: { from: null, to: 'awaiting_approval' },
      reason: 'The contract with Google ends.',
      ticket: 'CHG-1234',
    }),
    operation: {
      id: operationId,
      tenantId,
      status: 'awaiting_approval',
      requester: {
        oid: 'ad31f0c0-0000-4000-8000-000000000001',
        name: 'Alice Requester',
        clientId: 'portal-client',
      },
      reason: 'The contract with Google ends.',
      ticket: 'CHG-1234',
      connection: connected,
      requestId: '5e5e5e5e-0000-4000-8000-000000000001',
      graphRequestId: null,
      value: null,
      concludedFrom: null,
      explanation: null,
      approval: null,
      intuneApproval: null,
      supersedes: null,
      supersededBy: null,
      requestedAt,
      sentAt: null,
      movedAt: requestedAt,
      expiresAt: '2026-02-01T10:20:30.456Z',
      tookMs: null,
    },
    detail: {},
  };
}
