import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { until } from '../support/processes.ts';
import { scene } from '../support/scene.ts';
import { assertNoSecret, disconnectPath, eventsPath } from '../support/service.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('the main job', () => {
  const it = scene();
  beforeEach(() => {
    it.service.log.length = 0;
  });

  test('one admin, one call, one record: response, records, outbound call, metric and log together', async () => {
    const { simulator } = it;
    const recordsWhenGraphWasCalled: AuditEvent[] = [];
    const stopListening = simulator.onCall(async (call) => {
      if (call.endpoint !== 'disconnect') return;
      const rows = await it.query<{ record: AuditEvent }>('select record from audit_events');
      recordsWhenGraphWasCalled.push(...rows.map((row) => row.record));
    });
    const accepted = await it.service.metric('chromeos_bff_disconnects_total', { outcome: 'accepted' });
    const token = await simulator.token('admin');

    const response = await it.disconnect({
      token,
      body: { reason: 'Переход на другую систему', ticket: 'CHG-1' },
    });
    stopListening();
    assert.equal(response.status, 200);

    // The response.
    assert.equal(response.body.value, 'inprogress');
    assert.match(response.body.operationId, uuid);
    assert.match(String(response.headers['client-request-id']), uuid);
    assert.match(String(response.headers['request-id']), uuid);
    const requestId = response.headers['client-request-id'];

    // The records: the attempt was durable before Graph heard anything.
    assert.deepEqual(
      recordsWhenGraphWasCalled.map((event) => event.event),
      ['attempt'],
    );
    const events = await it.events(response.body.operationId);
    const [attempt, outcome] = events;
    assert.ok(attempt && outcome && events.length === 2);
    for (const event of [attempt, outcome]) {
      assert.equal(event.action, 'disconnect');
      assert.equal(event.operationId, response.body.operationId);
      assert.equal(event.tenantId, simulator.registration.tenantId);
      assert.equal(event.actor.clientId, simulator.portalClientId);
      assert.match(event.actor.oid, uuid);
      assert.ok(event.actor.name);
      assert.equal(event.requestId, requestId);
      assert.equal(event.reason, 'Переход на другую систему');
      assert.equal(event.ticket, 'CHG-1');
      assert.match(event.source.address, /127\.0\.0\.1|::1/);
    }
    assert.deepEqual([attempt.event, attempt.result], ['attempt', 'pending']);
    assert.deepEqual([outcome.event, outcome.result, outcome.value], ['outcome', 'accepted', 'inprogress']);
    assert.equal(outcome.graphRequestId, response.headers['request-id']);
    assert.ok(typeof outcome.durationMs === 'number');

    // The outbound calls: a fresh exchange, then one act, exactly as Graph wants it.
    const calls = simulator.calls.filter(
      (call) => call.endpoint === 'token' || call.endpoint === 'disconnect',
    );
    assert.deepEqual(
      calls.map((call) => call.endpoint),
      ['token', 'disconnect'],
    );
    const act = calls[1];
    assert.equal(act?.headers['client-request-id'], requestId);
    assert.equal(act?.headers.accept, 'application/json');
    assert.equal(act?.headers['content-type'], undefined);
    assert.equal(act?.body, '');
    assert.equal(act?.claims?.oid, attempt.actor.oid);

    // The metric and the log.
    assert.equal(
      await it.service.metric('chromeos_bff_disconnects_total', { outcome: 'accepted' }),
      accepted + 1,
    );
    await until('the request is logged', () => it.service.log.some((line) => line.requestId === requestId));
    const lines = it.service.log.filter((line) => line.msg === 'request' && line.requestId === requestId);
    assert.equal(lines.length, 1);
    const [line] = lines;
    assert.equal(line?.status, 200);
    assert.equal(line?.route, disconnectPath);
    assert.equal(line?.oid, attempt.actor.oid);
    assert.equal(line?.operationId, response.body.operationId);
    assert.match(String(line?.traceId), /^[0-9a-f]{32}$/);
    const sent = act?.headers.authorization?.slice('Bearer '.length) ?? 'missing';
    assertNoSecret(JSON.stringify([it.service.log, events, response.body]), [
      token,
      sent,
      simulator.registration.clientSecret,
    ]);
  });

  test('a disconnect never uses a cached token', async () => {
    const token = await it.simulator.token('admin');
    assert.equal((await it.disconnect({ token })).status, 200);
    await it.testEnvironment.closeOperations();
    it.simulator.setConnection(it.tenantId, {});
    assert.equal((await it.disconnect({ token })).status, 200);
    assert.equal(it.asked('token'), 2);
  });

  test('a value Graph has never said before is passed on as it is', async () => {
    it.simulator.setSequence(it.tenantId, ['somethingNew', 'gone']);
    const { status, body } = await it.disconnect();
    assert.deepEqual([status, body.value], [200, 'somethingNew']);
  });

  test('the auditor reads the tenant’s own trail, page by page, and reading is on the record', async () => {
    const operationId = await it.acceptedOperation();
    const read = async (query: Record<string, string>) => {
      const answer = await it.get(`${eventsPath}?${new URLSearchParams(query)}`, { as: 'auditor' });
      assert.equal(answer.status, 200);
      return answer;
    };

    const first = await read({ operationId, limit: '1' });
    assert.equal(first.body.events.length, 1);
    assert.equal(first.body.events[0].event, 'outcome');
    const second = await read({ operationId, limit: '1', cursor: first.body.nextCursor });
    assert.equal(second.body.events[0].event, 'attempt');
    assert.equal(second.body.nextCursor, null);

    const reads = await read({ event: 'read', limit: '500' });
    assert.ok(reads.body.events.length >= 2);
    assert.ok(reads.body.events.every((event: AuditEvent) => event.event === 'read'));

    const { status } = await it.get(eventsPath, {
      as: 'auditor',
      token: { tenantId: it.simulator.otherTenantId },
    });
    assert.equal(status, 401);
  });
});
