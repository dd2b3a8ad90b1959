import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { otherTenantId } from '../../simulator/directory.ts';
import type { Fault } from '../../simulator/simulator.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { until } from '../support/processes.ts';
import { bothTenants, hold, scene, testAlone } from '../support/scene.ts';

const withExchange = (exchange: Partial<Settings['entra']['exchange']>) => (settings: Settings) => ({
  ...settings,
  entra: { ...settings.entra, exchange: { ...settings.entra.exchange, ...exchange } },
});

// Nearly all of these is waiting: for the next try, a second at least, or for what never comes.
describe('the exchange of a token that fails', { concurrency: true }, () => {
  const retrying = { adjust: withExchange({ timeoutMs: 3000, deadlineMs: 12_000 }) };

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
  const lanes = [0, 1, 2].map((lane) => transient.filter((_, index) => index % 3 === lane));
  for (const [index, share] of lanes.entries()) {
    describe(`for a moment, ${index + 1} of ${lanes.length}`, { concurrency: false }, () => {
      const it = scene(retrying);

      for (const [name, fault] of share) {
        test(`${name} is tried again, and the call succeeds`, async () => {
          it.simulator.setFault('token', { ...fault, times: 1 });
          assert.equal((await it.disconnect()).status, 200);
          assert.equal(it.asked('token'), 2);
          assert.equal(it.asked('disconnect'), 1);
        });
      }
    });
  }

  describe('for longer', { concurrency: false }, () => {
    const it = scene(retrying);

    test('at most twice', async () => {
      it.simulator.setFault('token', { reset: true });
      const { status, body, headers } = await it.disconnect();
      assert.deepEqual([status, body.code, headers['retry-after']], [503, 'identity_unavailable', '5']);
      assert.equal(it.asked('token'), 3);
    });

    test('not when Retry-After is beyond the deadline, or a date that is', async () => {
      const asked: [string, RegExp][] = [
        ['60', /^60$/],
        [new Date(Date.now() + 3_600_000).toUTCString(), /^3(600|5\d\d)$/],
      ];
      for (const [retryAfter, told] of asked) {
        it.simulator.clearCalls();
        it.simulator.setFault('token', { status: 429, retryAfter });
        const { status, headers } = await it.disconnect();
        assert.equal(status, 503);
        assert.match(String(headers['retry-after']), told);
        assert.equal(it.asked('token'), 1);
      }
    });

    test('a Retry-After that is none is not passed on', async () => {
      it.simulator.setFault('token', { status: 503, retryAfter: 'soon\u00e9' });
      const { status, headers } = await it.disconnect();
      assert.deepEqual([status, headers['retry-after']], [503, '5']);
    });

    test('one user’s throttle or outage does not hold up another', async () => {
      const [stuck, mine] = [await it.stranger('reader'), await it.stranger('reader')];
      it.simulator.setFault('token', { status: 429, retryAfter: '60', times: 1 });
      assert.equal((await it.readConnection({ token: stuck })).status, 503);
      assert.equal((await it.readConnection({ token: mine })).status, 200);
      assert.equal((await it.readConnection({ token: stuck })).status, 200);
    });
  });

  const patientWithTwo = {
    environment: bothTenants,
    timings: { graphTimeoutMs: 30_000 },
    adjust: withExchange({ timeoutMs: 60_000, deadlineMs: 60_000 }),
  };
  testAlone(
    'one tenant’s silence does not hold up another, however many wait',
    patientWithTwo,
    async (it) => {
      const silence = Promise.withResolvers<void>();
      it.simulator.onCall(({ endpoint, tenantId }) =>
        endpoint === 'token' && tenantId === otherTenantId ? silence.promise : undefined,
      );
      try {
        let answered = 0;
        const waiting = Array.from({ length: 200 }, async () => {
          const token = { tenantId: otherTenantId, oid: crypto.randomUUID() };
          const { status } = await it.readConnection({ as: 'reader', token });
          answered += 1;
          return status;
        });
        await until('all wait for Entra', () => it.asked('token') === waiting.length);
        assert.equal((await it.readConnection({ as: 'reader' })).status, 200);
        assert.equal(answered, 0);
        silence.resolve();
        assert.deepEqual(new Set(await Promise.all(waiting)), new Set([200]));
      } finally {
        silence.resolve();
      }
    },
  );

  const hurried = {
    timings: { answerMs: 4000 },
    adjust: (settings: Settings) => {
      const patient = withExchange({ timeoutMs: 60_000, deadlineMs: 60_000 })(settings);
      // What Entra never answers is not waited for at the end of the test.
      return { ...patient, server: { ...patient.server, tidyMs: 200 } };
    },
  };
  testAlone(
    'a call whose time is up is answered, and its exchange is ended while Entra is silent',
    hurried,
    async (it) => {
      it.simulator.setFault('token', { hang: true });
      const begun = performance.now();
      const responses = await Promise.all([it.readConnection({ as: 'reader' }), it.disconnect()]);
      for (const { status, body } of responses) {
        assert.deepEqual([status, body.code], [503, 'identity_unavailable']);
      }
      assert.ok(performance.now() - begun < 15_000, 'long before Entra’s own time is up');
      assert.equal(it.asked('token'), 2);
      assert.equal(it.asked('disconnect'), 0);
      const failed = it.service.log.filter(({ msg }) => msg === 'token exchange failed');
      // The read's goes on: others might wait for it.
      assert.equal(failed.length, 1);
    },
  );

  testAlone(
    'a call whose time is up does not end the exchange that another call waits for',
    hurried,
    async (it) => {
      const token = await it.stranger('reader');
      const held = hold(it.simulator, 'token');
      const first = await it.readConnection({ token });
      assert.deepEqual([first.status, first.body.code], [503, 'identity_unavailable']);
      const second = it.readConnection({ token });
      await until(
        'the second waits for it',
        async () =>
          (await it.service.metric('chromeos_bff_token_exchange_cache_total', { result: 'shared' })) === 1,
      );
      held.release();
      assert.equal((await second).status, 200);
      assert.equal(it.asked('token'), 1);
    },
  );
});
