import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { otherTenantId, people } from '../../simulator/directory.ts';
import { until } from '../support/processes.ts';
import { connectRaw } from '../support/raw-http.ts';
import { bothTenants, hold, operationsPath, scene } from '../support/scene.ts';
import { bearer, connectionPath, disconnectPath } from '../support/service.ts';

describe('rates', () => {
  const it = scene({ environment: bothTenants });

  test('of one caller: headers tell what is left, then 429; another caller is not touched', async () => {
    const on = await it.start({ timings: { limits: { callerPerMinute: 3 } } });
    for (const left of [2, 1, 0]) {
      const { status, headers } = await it.get('/api/v1/me', { on });
      assert.equal(status, 200);
      assert.equal(headers['ratelimit-policy'], '"caller";q=3;w=60');
      assert.match(String(headers.ratelimit), new RegExp(`^"caller";r=${left};t=([1-9]|[1-5]\\d|60)$`));
    }
    for (const path of ['/api/v1/me', operationsPath]) {
      const { status, body, headers } = await it.get(path, { on });
      assert.deepEqual([status, body.code], [429, 'rate_limited']);
      assert.match(String(headers['retry-after']), /^([1-9]|[1-5]\d|60)$/);
      assert.match(String(headers.ratelimit), /^"caller";r=0;/);
    }
    it.simulator.clearCalls();
    const act = await it.disconnect({ on });
    assert.deepEqual([act.status, act.body.code], [429, 'rate_limited']);
    assert.equal(it.simulator.calls.length, 0);
    assert.equal((await it.get('/api/v1/me', { on, as: 'second-admin' })).status, 200);
    // The same object id in another tenant is another caller.
    const token = { tenantId: otherTenantId, oid: people.admin.oid };
    assert.equal((await it.get('/api/v1/me', { on, token })).status, 200);
  });

  test('of one caller: a forged token uses up nobody’s rate', async () => {
    const on = await it.start({ timings: { limits: { callerPerMinute: 1 } } });
    for (let call = 0; call < 3; call += 1) {
      const { status } = await it.get('/api/v1/me', { on, token: { key: 'unpublished' } });
      assert.equal(status, 401);
    }
    assert.equal((await it.get('/api/v1/me', { on })).status, 200);
  });

  test('of one address: on every route, also without a token and where nothing is', async () => {
    const on = await it.start({ timings: { limits: { addressPerMinute: 3 } } });
    assert.equal((await on.api.get('/api/v1/nowhere')).status, 404);
    assert.equal((await on.api.post(disconnectPath)).status, 401);
    assert.equal((await it.get('/api/v1/me', { on })).status, 200);
    for (const response of [await on.api.get('/api/v1/nowhere'), await it.get('/api/v1/me', { on })]) {
      assert.deepEqual([response.status, response.body.code], [429, 'rate_limited']);
      assert.match(String(response.headers.ratelimit), /^"address";r=0;/);
      assert.ok(response.headers['retry-after']);
    }
    await on.management.get('/livez').expect(200);
  });

  test('of one address: the one a trusted proxy names, and no other', async () => {
    const limits = { addressPerMinute: 1 };
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    const on = await it.start({ timings: { limits } });
    assert.equal((await it.get('/api/v1/me', { on, ...from('192.0.2.1') })).status, 200);
    assert.equal((await it.get('/api/v1/me', { on, ...from('192.0.2.2') })).status, 429);
  });

  test('both at once: the headers tell of both', async () => {
    const on = await it.start({ timings: { limits: { callerPerMinute: 5, addressPerMinute: 9 } } });
    const { headers } = await it.get('/api/v1/me', { on });
    assert.equal(headers['ratelimit-policy'], '"address";q=9;w=60, "caller";q=5;w=60');
    assert.match(String(headers.ratelimit), /^"address";r=8;t=\d+, "caller";r=4;t=\d+$/);
  });

  test('0 is off', async () => {
    const { headers } = await it.get('/api/v1/me');
    assert.deepEqual([headers.ratelimit, headers['ratelimit-policy']], [undefined, undefined]);
  });
});

describe('behind a gateway', () => {
  const it = scene({ environment: { ...bothTenants, TRUST_PROXY_HOPS: '1' } });
  const limits = { addressPerMinute: 1 };

  test('of one address, whatever its port, and however it is written', async () => {
    const forms: [first: string, again: string][] = [
      ['203.0.113.7:50012', '203.0.113.7:50013'],
      ['[2001:db8::1]:4711', '"[2001:DB8:0::1]:4712"'],
      ['evil, 203.0.113.8', '203.0.113.8'],
    ];
    const on = await it.start({ timings: { limits } });
    for (const [first, again] of forms) {
      const from = (address: string) => it.get('/api/v1/me', { on, headers: { 'x-forwarded-for': address } });
      assert.equal((await from(first)).status, 200, first);
      assert.equal((await from(again)).status, 429, again);
    }
  });

  test('what names no address is told once, and the gateway’s own counts', async () => {
    const on = await it.start({ timings: { limits: { addressPerMinute: 2 } } });
    for (const [forwarded, status] of [
      ['unknown', 200],
      ['_secret', 200],
      ['', 429],
    ] as const) {
      const response = await it.get('/api/v1/me', { on, headers: { 'x-forwarded-for': forwarded } });
      assert.equal(response.status, status);
    }
    const told = on.log.filter(({ msg }) => msg.startsWith('X-Forwarded-For names no address'));
    assert.deepEqual(
      told.map(({ level, trustedProxies }) => [level, trustedProxies]),
      [['warn', 1]],
    );
  });

  test('the record has the client’s address, without the port', async () => {
    const response = await it.readConnection({ headers: { 'x-forwarded-for': '[2001:db8::7]:4711' } });
    assert.equal(response.status, 200);
    const [event] = await it.eventsOfCall(response);
    assert.deepEqual(event?.source, { address: '2001:db8::7' });
  });
});

describe('many at once', () => {
  const it = scene({ timings: { limits: { maxConcurrentRequests: 3 }, graphTimeoutMs: 15_000 } });

  test('more than MAX_CONCURRENT_REQUESTS: 503 with Retry-After at once, and room again afterwards', async () => {
    const held = hold(it.simulator, 'list', 3);
    const token = bearer(await it.simulator.token('reader'));
    const path = '/api/v1/deviceManagement/chromeOSOnboardingSettings';
    const waiting = [1, 2, 3].map(() =>
      it.service.api
        .get(path)
        .set('authorization', token)
        .then((r) => r),
    );
    await until('all are under way', () => it.asked('list') === 3);
    const shed = await it.disconnect();
    assert.deepEqual([shed.status, shed.body.code], [503, 'overloaded']);
    assert.match(String(shed.headers['retry-after']), /^\d+$/);
    await it.service.management.get('/readyz').expect(200);
    held.release();
    for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
    await until('there is room', async () => (await it.get('/api/v1/me')).status === 200);
    for (let round = 0; round < 10; round += 1) assert.equal((await it.get('/api/v1/me')).status, 200);
  });

  for (const way of ['finish', 'reset'] as const) {
    test(`a caller who hangs up makes no room before the work on their call has ended: ${way}`, async () => {
      const held = hold(it.simulator, 'list', 3);
      const authorization = bearer(await it.simulator.token('reader'));
      const connections = await Promise.all([1, 2, 3].map(() => connectRaw(it.service.url)));
      for (const connection of connections) {
        connection.send(
          `GET ${connectionPath} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`,
        );
      }
      await until('all are under way', () => it.asked('list') === 3);
      for (const connection of connections) connection[way]();
      // What the service reads on other connections since comes later.
      for (let call = 0; call < 3; call += 1) {
        assert.equal((await it.get('/api/v1/me')).body.code, 'overloaded');
      }
      held.release();
      await until('there is room', async () => (await it.get('/api/v1/me')).status === 200);
      for (const connection of connections) connection.close();
    });
  }
});
