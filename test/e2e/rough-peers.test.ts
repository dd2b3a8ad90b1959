import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import { scene } from '../support/scene.ts';

describe('rough callers and rough peers', () => {
  const it = scene({});

  test('a route is our pattern whatever the answer and however it is spelled', async () => {
    await it.service.api.get('/api/v1/me').expect(401);
    await it.get('/API/v1/ME');
    await it.get('/api/v1/audit/events?nonsense=1', { as: 'auditor' });
    const { text } = await it.service.management.get('/metrics');
    const routes = new Set(
      [...text.matchAll(/request_duration_seconds_count\{route="([^"]*)"/g)].map((m) => m[1]),
    );
    for (const route of routes) assert.match(String(route), /^(\/api\/v1\/|unmatched)/);
    assert.ok(routes.has('/api/v1/me') && routes.has('/api/v1/audit/events'));
  });

  test('a stranger’s slow body holds nothing: the answer comes before the body', async () => {
    const socket = net.connect(Number(new URL(it.service.url).port), 'localhost');
    await once(socket, 'connect');
    socket.write(
      'POST /api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: application/json\r\n\r\n{',
    );
    const [chunk] = await once(socket, 'data');
    assert.match(String(chunk), /^HTTP\/1\.1 401 /);
    socket.destroy();
  });

  test('a parameter that may have been meant to hold an act back is refused everywhere', async () => {
    const on = await it.start({ timings: { policy: { approvalRequired: true } } });
    const { body } = await it.disconnect({ on });
    const path = `/api/v1/operations/${body.operationId}`;
    const reason = { reason: 'fine' };
    for (const verb of ['approve', 'reject']) {
      const refused = await it.post(`${path}/${verb}?dryRun=true`, {
        as: 'second-admin',
        body: reason,
        on,
      });
      assert.equal(refused.status, 400);
    }
    assert.equal((await it.approve(body.operationId, { on })).status, 200);
    assert.equal((await it.post(`${path}/execute?dryRun=true`, { on })).status, 400);
    assert.equal(it.asked('disconnect'), 0);
    assert.equal(await it.status(body.operationId), 'approved');
  });

  for (const more of ['"@odata.nextLink":"https://graph.example/next"', '"error":{"code":"x"}']) {
    test(`a list that is not whole is not taken for empty: ${more}`, async () => {
      const id = await it.acceptedOperation();
      it.simulator.setFault('list', {
        status: 200,
        contentType: 'application/json',
        body: `{"value":[],${more}}`,
      });
      const { body } = await it.operation(id);
      assert.deepEqual([body.status, body.readFailed], ['accepted', 'graph_unavailable']);
    });
  }

  test('a connection without a status is one whose status is unknown', async () => {
    const body = (status: object) =>
      JSON.stringify({ value: [{ id: 'one', ...status }], '@odata.nextLink': null, error: null });
    for (const status of [{}, { onboardingStatus: null }]) {
      it.simulator.setFault('list', { status: 200, contentType: 'application/json', body: body(status) });
      const answer = await it.readConnection();
      assert.deepEqual(
        [answer.status, answer.body.value],
        [200, [{ id: 'one', onboardingStatus: 'unknown' }]],
      );
    }
  });

  test('a word that no database can hold is recorded as far as it can be', async () => {
    it.simulator.setFault('disconnect', {
      status: 200,
      contentType: 'application/json',
      body: '{"value":"a\\u0000\\ud800b"}',
    });
    const { status, body } = await it.disconnect();
    assert.equal(status, 200);
    assert.equal(await it.status(body.operationId), 'unknown');
    assert.equal((await it.events(body.operationId)).filter(({ event }) => event === 'outcome').length, 1);
  });

  test('an owner that no database can hold stands in the way of nothing', async () => {
    it.simulator.setConnection(it.tenantId, { ownerUserPrincipalName: 'a\u0000\ud800b' });
    assert.equal((await it.readConnection()).status, 200);
    assert.equal((await it.disconnect()).status, 200);
  });

  for (const status of [499, 425, 498]) {
    test(`${status} says nothing of what was done`, async () => {
      it.simulator.setFault('disconnect', { status, body: 'x', applies: true });
      const answer = await it.disconnect();
      assert.notEqual(answer.body.code, 'graph_rejected');
      assert.equal(await it.status(answer.body.operationId), 'accepted');
    });
  }

  test('taking over from an operation that is not there is refused', async () => {
    const supersedes = '11111111-2222-4333-8444-555555555555';
    const { status, body } = await it.disconnect({ body: { supersedes } });
    assert.deepEqual([status, body.code], [404, 'operation_not_found']);
    assert.equal(it.asked('disconnect'), 0);
  });
});
