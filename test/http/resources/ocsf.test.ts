import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type ActorKind,
  type AuditEvent,
  actorKinds,
  eventKinds,
} from '../../../src/core/audit/audit-event.ts';
import { operationStatuses } from '../../../src/core/operation/life.ts';
import { ocsfOf } from '../../../src/http/resources/ocsf.ts';
import { homeTenant, sampleEvent } from '../../support/audit.ts';
import { apiActivity, complaintsAbout } from '../../support/ocsf-schema.ts';

type Activity = {
  activity_id: number;
  type_uid: number;
  status_id: number;
  severity_id: number;
  status_detail?: string;
  metadata: Record<string, unknown>;
  actor: { user: Record<string, unknown>; app_uid: string };
  src_endpoint: Record<string, unknown>;
  unmapped: Record<string, unknown>;
  resources?: unknown[];
};

const ocsf = (differing: Partial<AuditEvent> = {}) =>
  ocsfOf(sampleEvent(homeTenant, differing), 7, '1.2.3') as Activity;

describe('an event as OCSF API Activity', () => {
  const actions = [
    'sign_in',
    'disconnect',
    'approve',
    'reject',
    'read_connection',
    'read_operation',
    'read_audit',
    'read_profile',
    'switch_disconnect',
    'remove_audit_events',
    'acknowledge_lost_history',
  ] as const;
  const results = [...operationStatuses, 'pending', 'refused', 'succeeded'] as const;

  test('is valid for every kind of event, action and result', () => {
    for (const event of eventKinds) {
      for (const action of actions) {
        for (const result of results) {
          const bare = { operationId: null, connection: null, durationMs: null, reason: null, move: null };
          for (const differing of [{}, bare]) {
            const activity = ocsf({ event, action, result, ...differing });
            assert.deepEqual(complaintsAbout(activity, apiActivity), []);
            assert.equal(activity.type_uid, 600300 + activity.activity_id);
          }
        }
      }
    }
  });

  test('says what was done and how it ended', () => {
    const of = (differing: Partial<AuditEvent>) => {
      const { activity_id, status_id, severity_id } = ocsf(differing);
      return [activity_id, status_id, severity_id];
    };
    assert.deepEqual(of({ event: 'attempt', result: 'pending' }), [4, 0, 3]);
    assert.deepEqual(of({ event: 'outcome', result: 'accepted' }), [4, 1, 3]);
    assert.deepEqual(of({ event: 'outcome', result: 'unknown' }), [4, 0, 4]);
    assert.deepEqual(of({ event: 'move', action: 'approve', result: 'approved' }), [3, 1, 1]);
    assert.deepEqual(of({ event: 'read', action: 'read_audit', result: 'succeeded' }), [2, 1, 1]);
    assert.deepEqual(of({ event: 'refused', action: 'disconnect', result: 'refused' }), [4, 2, 2]);
    assert.deepEqual(of({ event: 'refused', action: 'sign_in', result: 'refused' }), [99, 2, 2]);
    assert.deepEqual(of({ event: 'removed', action: 'remove_audit_events', result: 'succeeded' }), [4, 1, 3]);
  });

  test('loses nothing', () => {
    const event = sampleEvent(homeTenant, { failure: 'graph_forbidden', graphRequestId: 'g-1' });
    const activity = ocsfOf(event, 7, '1.2.3') as Activity;
    const text = JSON.stringify(activity);
    for (const value of [
      event.id,
      event.time,
      event.operationId,
      event.actor.oid,
      event.actor.clientId,
      event.requestId,
      'g-1',
      event.ticket,
      'Zoë',
      'миграция',
      'owner@example.com',
    ]) {
      assert.ok(text.includes(String(value)), String(value));
    }
    assert.equal(activity.status_detail, 'graph_forbidden');
    assert.deepEqual([activity.metadata.sequence, activity.metadata.uid], [7, event.id]);
  });

  test('distinguishes people, the service and operators, and addresses from names', () => {
    const typeOf = (kind: ActorKind) => {
      const actor = { kind, oid: 'x', tenantId: homeTenant, name: null, clientId: 'x' };
      return ocsf({ actor }).actor.user.type_id;
    };
    assert.deepEqual(
      actorKinds.map((kind) => [kind, typeOf(kind)]),
      [
        ['user', 1],
        ['agent', 99],
        ['app', 99],
        ['operator', 2],
        ['system', 3],
        ['unknown', 0],
      ],
    );
    assert.deepEqual(ocsf().src_endpoint, { ip: '203.0.113.7' });
    assert.deepEqual(ocsf({ source: { address: '2001:db8::1' } }).src_endpoint, { ip: '2001:db8::1' });
    assert.deepEqual(ocsf({ source: { address: 'internal' } }).src_endpoint, { name: 'internal' });
  });
});
