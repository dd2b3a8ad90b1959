import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Fault } from '../../simulator/simulator.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { until } from '../support/processes.ts';
import { hold } from '../support/scene.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startWorld,
  type TestService,
  type World,
} from '../support/service.ts';

let world: World;
let service: TestService;

before(async () => {
  world = await startWorld();
  service = await startService(world, {
    adjust: (settings) => withExchange(settings, { timeoutMs: 500, deadlineMs: 8000 }),
  });
});
after(async () => {
  await service?.close();
  await world?.close();
});
beforeEach(async () => {
  await world.closeOperations();
  world.simulator.reset();
});

function withExchange(settings: Settings, exchange: Partial<Settings['entra']['exchange']>): Settings {
  return {
    ...settings,
    entra: { ...settings.entra, exchange: { ...settings.entra.exchange, ...exchange } },
  };
}

const callsTo = (endpoint: string) =>
  world.simulator.calls.filter((call) => call.endpoint === endpoint).length;
const read = (token: string) => service.api.get(connectionPath).set('authorization', bearer(token));
const act = (token: string) => service.api.post(disconnectPath).set('authorization', bearer(token));
/** A reader nobody has seen yet, so that no cache knows them. */
const someReader = () => world.simulator.token('reader', { oid: crypto.randomUUID() });
const someAdmin = () => world.simulator.token('admin', { oid: crypto.randomUUID() });

describe('transient failures', () => {
  const transient: [string, Fault][] = [
    ['a reset', { reset: true }],
    ['a 503', { status: 503, body: '<h1>Down</h1>' }],
    ['a 500 with an OAuth error', { entraError: { code: 90033 } }],
    ['a 429 without Retry-After', { status: 429 }],
    ['a 429 with Retry-After within the deadline', { status: 429, retryAfter: '0' }],
    ['a silence', { hang: true }],
    ['JSON that breaks off', { malformed: true }],
    ['a captive portal’s 200', { body: '<h1>Please sign in</h1>' }],
    [
      'an answer of 2 MB',
      { status: 200, body: JSON.stringify({ access_token: 'x'.repeat(2_000_000), expires_in: 60 }) },
    ],
  ];
  for (const [name, fault] of transient) {
    test(`${name} is tried again, and the call succeeds`, async () => {
      world.simulator.setFault('token', { ...fault, times: 1 });
      await act(await someAdmin()).expect(200);
      assert.equal(callsTo('token'), 2);
      assert.equal(callsTo('disconnect'), 1);
    });
  }

  test('at most twice', async () => {
    world.simulator.setFault('token', { reset: true });
    const response = await act(await someAdmin()).expect(503);
    assert.equal(response.body.code, 'identity_unavailable');
    assert.equal(response.headers['retry-after'], '5');
    assert.equal(callsTo('token'), 3);
  });

  test('not when Retry-After is beyond the deadline, or a date that is', async () => {
    const asked: [string, RegExp][] = [
      ['60', /^60$/],
      [new Date(Date.now() + 3_600_000).toUTCString(), /^3(600|5\d\d)$/],
    ];
    for (const [retryAfter, told] of asked) {
      world.simulator.clearCalls();
      world.simulator.setFault('token', { status: 429, retryAfter });
      const response = await act(await someAdmin()).expect(503);
      assert.match(String(response.headers['retry-after']), told);
      assert.equal(callsTo('token'), 1);
    }
  });

  test('a Retry-After that is none is not passed on', async () => {
    world.simulator.setFault('token', { status: 503, retryAfter: 'soon\u00e9' });
    const response = await act(await someAdmin()).expect(503);
    assert.equal(response.headers['retry-after'], '5');
  });

  test('one user’s throttle or outage does not hold up another', async () => {
    const stuck = await world.simulator.token('reader', { oid: crypto.randomUUID() });
    const mine = await someReader();
    world.simulator.setFault('token', { status: 429, retryAfter: '60', times: 1 });
    await read(stuck).expect(503);
    await read(mine).expect(200);
    await read(stuck).expect(200);
  });

  test('one tenant’s silence does not hold up another, however many wait', async () => {
    const { simulator } = world;
    const { otherTenantId, registration } = simulator;
    const both = await startService(world, {
      environment: { ALLOWED_TENANT_IDS: `${registration.tenantId},${otherTenantId}` },
      adjust: (settings) => withExchange(settings, { timeoutMs: 60_000, deadlineMs: 60_000 }),
    });
    const silence = Promise.withResolvers<void>();
    const stopListening = simulator.onCall(({ endpoint, tenantId }) =>
      endpoint === 'token' && tenantId === otherTenantId ? silence.promise : undefined,
    );
    try {
      const readers = await Promise.all(
        Array.from({ length: 200 }, () =>
          simulator.token('reader', { tenantId: otherTenantId, oid: crypto.randomUUID() }),
        ),
      );
      let answered = 0;
      const waiting = readers.map(async (token) => {
        const { status } = await both.api.get(connectionPath).set('authorization', bearer(token));
        answered += 1;
        return status;
      });
      await until('all wait for Entra', () => callsTo('token') === readers.length);
      await both.api
        .get(connectionPath)
        .set('authorization', bearer(await someReader()))
        .expect(200);
      assert.equal(answered, 0);
      silence.resolve();
      assert.deepEqual(new Set(await Promise.all(waiting)), new Set([200]));
    } finally {
      silence.resolve();
      stopListening();
      await both.close();
    }
  });
});

describe('a call whose time is up', () => {
  const patient = (settings: Settings): Settings => ({
    ...withExchange(settings, { timeoutMs: 60_000, deadlineMs: 60_000 }),
    server: { ...settings.server, answerMs: 4000 },
  });

  test('is answered, and its exchange is ended while Entra is silent', async () => {
    const short = await startService(world, { adjust: patient });
    try {
      world.simulator.setFault('token', { hang: true });
      const begun = performance.now();
      const [reader, admin] = [await someReader(), await someAdmin()];
      const responses = await Promise.all([
        short.api.get(connectionPath).set('authorization', bearer(reader)),
        short.api.post(disconnectPath).set('authorization', bearer(admin)),
      ]);
      for (const { status, body } of responses) {
        assert.deepEqual([status, body.code], [503, 'identity_unavailable']);
      }
      assert.ok(performance.now() - begun < 15_000, 'long before Entra’s own time is up');
      assert.equal(callsTo('token'), 2);
      assert.equal(callsTo('disconnect'), 0);
      const failed = short.log.filter(({ msg }) => msg === 'token exchange failed');
      // The read's goes on: others might wait for it.
      assert.equal(failed.length, 1);
    } finally {
      world.simulator.reset();
      await short.close();
    }
  });

  test('does not end the exchange that another call waits for', async () => {
    const short = await startService(world, { adjust: patient });
    try {
      const token = await someReader();
      const held = hold(world.simulator, 'token');
      const first = await short.api.get(connectionPath).set('authorization', bearer(token));
      assert.deepEqual([first.status, first.body.code], [503, 'identity_unavailable']);
      const second = short.api.get(connectionPath).set('authorization', bearer(token)).expect(200);
      const waiting = second.then((response) => response);
      await until(
        'the second waits for it',
        async () =>
          (await short.metric('chromeos_bff_token_exchange_cache_total', { result: 'shared' })) === 1,
      );
      held.release();
      await waiting;
      assert.equal(callsTo('token'), 1);
    } finally {
      await short.close();
    }
  });
});
