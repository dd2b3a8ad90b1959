import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { until } from '../support/processes.ts';
import {
  assertNoSecret,
  bearer,
  disconnectPath,
  eventsPath,
  startService,
  startWorld,
  type TestService,
  type World,
} from '../support/service.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('the main job', () => {
  let world: World;
  let service: TestService;
  before(async () => {
    world = await startWorld();
    service = await startService(world);
  });
  after(async () => {
    await service?.close();
    await world?.close();
  });
  beforeEach(async () => {
    await world.closeOperations();
    world.simulator.reset();
    world.simulator.clearCalls();
    service.log.length = 0;
  });

  test('one admin, one call, one record: response, records, outbound call, metric and log together', async () => {
    const { simulator } = world;
    const recordsWhenGraphWasCalled: AuditEvent[] = [];
    const stopListening = simulator.onCall(async (call) => {
      if (call.endpoint !== 'disconnect') return;
      const rows = await world.query<{ record: AuditEvent }>('select record from audit_events');
      recordsWhenGraphWasCalled.push(...rows.map((row) => row.record));
    });
    const accepted = await service.metric('chromeos_bff_disconnects_total', { outcome: 'accepted' });
    const token = await simulator.token('admin');

    const response = await service.api
      .post(disconnectPath)
      .set('authorization', bearer(token))
      .send({ reason: 'Переход на другую систему', ticket: 'CHG-1' })
      .expect(200);
    stopListening();

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
    const rows = await world.query<{ record: AuditEvent }>(
      'select record from audit_events where operation_id = $1 order by number',
      [response.body.operationId],
    );
    const [attempt, outcome] = rows.map((row) => row.record);
    assert.ok(attempt && outcome && rows.length === 2);
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
      await service.metric('chromeos_bff_disconnects_total', { outcome: 'accepted' }),
      accepted + 1,
    );
    await until('the request is logged', () => service.log.some((line) => line.requestId === requestId));
    const lines = service.log.filter((line) => line.msg === 'request' && line.requestId === requestId);
    assert.equal(lines.length, 1);
    const [line] = lines;
    assert.equal(line?.status, 200);
    assert.equal(line?.route, disconnectPath);
    assert.equal(line?.oid, attempt.actor.oid);
    assert.equal(line?.operationId, response.body.operationId);
    assert.match(String(line?.traceId), /^[0-9a-f]{32}$/);
    const sent = act?.headers.authorization?.slice('Bearer '.length) ?? 'missing';
    assertNoSecret(JSON.stringify([service.log, rows, response.body]), [
      token,
      sent,
      simulator.registration.clientSecret,
    ]);
  });

  test('a disconnect never uses a cached token', async () => {
    const token = bearer(await world.simulator.token('admin'));
    await service.api.post(disconnectPath).set('authorization', token).expect(200);
    await world.closeOperations();
    world.simulator.setConnection(world.simulator.registration.tenantId, {});
    await service.api.post(disconnectPath).set('authorization', token).expect(200);
    assert.equal(world.simulator.calls.filter((call) => call.endpoint === 'token').length, 2);
  });

  test('a value Graph has never said before is passed on as it is', async () => {
    world.simulator.setSequence(world.simulator.registration.tenantId, ['somethingNew', 'gone']);
    const response = await service.api
      .post(disconnectPath)
      .set('authorization', bearer(await world.simulator.token('admin')))
      .expect(200);
    assert.equal(response.body.value, 'somethingNew');
  });

  test('the auditor reads the tenant’s own trail, page by page, and reading is on the record', async () => {
    const admin = bearer(await world.simulator.token('admin'));
    const done = await service.api.post(disconnectPath).set('authorization', admin).expect(200);
    const auditor = bearer(await world.simulator.token('auditor'));
    const read = (query: Record<string, string>) =>
      service.api.get(eventsPath).query(query).set('authorization', auditor).expect(200);

    const operationId = done.body.operationId;
    const first = await read({ operationId, limit: '1' });
    assert.equal(first.body.events.length, 1);
    assert.equal(first.body.events[0].event, 'outcome');
    const second = await read({ operationId, limit: '1', cursor: first.body.nextCursor });
    assert.equal(second.body.events[0].event, 'attempt');
    assert.equal(second.body.nextCursor, null);

    const reads = await read({ event: 'read', limit: '500' });
    assert.ok(reads.body.events.length >= 2);
    assert.ok(reads.body.events.every((event: AuditEvent) => event.event === 'read'));

    const elsewhere = bearer(
      await world.simulator.token('auditor', { tenantId: world.simulator.otherTenantId }),
    );
    await service.api.get(eventsPath).set('authorization', elsewhere).expect(401);
  });
});
