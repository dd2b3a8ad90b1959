import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fault } from '../../simulator/simulator.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { privateKeyPair } from '../support/private-entra.ts';
import { until } from '../support/processes.ts';
import { bothTenants, emptyScene } from '../support/scene.ts';
import { startMintingEntra } from '../support/tokens.ts';

const me = '/api/v1/me';
const it = emptyScene({ timings: { graphTimeoutMs: 30_000 } });

type SigningKeysSettings = Settings['entra']['signingKeys'];

/** Keys are refreshed only when a test says how often, and a load fails by time only where it says so. */
const start = (
  signingKeys: Partial<SigningKeysSettings>,
  {
    answerMs,
    ...options
  }: { unready?: boolean; environment?: Record<string, string>; answerMs?: number } = {},
) =>
  it.start({
    ...options,
    ...(answerMs !== undefined && { timings: { answerMs } }),
    adjust: (settings) => ({
      ...settings,
      // At its end no service waits long for an answer that never comes.
      server: { ...settings.server, tidyMs: 200 },
      entra: {
        ...settings.entra,
        signingKeys: { ...settings.entra.signingKeys, timeoutMs: 30_000, ...signingKeys },
      },
    }),
  });

const refreshes = (result: string, tenant = it.tenantId) =>
  it.service.metric('chromeos_bff_signing_keys_refreshes_total', { tenant, result });

async function callWith(token: string) {
  const { status, body, headers } = await it.get(me, { token });
  return {
    status,
    code: body.code,
    retryAfter: headers['retry-after'],
    challenge: headers['www-authenticate'],
  };
}

async function assertUnavailable(token: string): Promise<void> {
  const { status, code, retryAfter, challenge } = await callWith(token);
  assert.deepEqual([status, code, retryAfter, challenge], [503, 'signing_keys_unavailable', '5', undefined]);
}

const strangeKey = { ...privateKeyPair().publicKey.export({ format: 'jwk' }), use: 'sig', kid: 'strange' };
const html = '<!doctype html><h1>Please accept the terms of this network</h1>';
const troubles: [string, Fault][] = [
  ['HTML with 200', { status: 200, body: html }],
  ['HTML with 503', { status: 503, body: html }],
  ['a redirect', { status: 302, body: html, headers: { location: 'https://portal.example/' } }],
  ['nothing, ever', { hang: true }],
  ['a reset', { reset: true }],
  ['JSON that breaks off', { malformed: true }],
  ['JSON of another kind', { status: 200, body: '[null]' }],
  ['an empty body', { status: 200, body: ' ' }],
  ['a key set that looks right, with 503', { status: 503, body: JSON.stringify({ keys: [strangeKey] }) }],
  ['an answer of 3 MB', { status: 200, body: `"${'x'.repeat(3_000_000)}"` }],
];

for (const endpoint of ['metadata', 'keys'] as const) {
  describe(`when Entra’s ${endpoint} answer is`, () => {
    for (const [name, fault] of troubles) {
      test(`${name}: at start 503, not ready, and recovery by itself; later the last good keys serve`, async () => {
        const { simulator } = it;
        const token = await simulator.token('admin');
        simulator.setFault(endpoint, fault);
        const timeoutMs = fault.hang ? 100 : 30_000;
        const started = await start({ refreshMs: 40, timeoutMs }, { unready: true });
        await until('the first load has failed', async () => (await refreshes('failed')) > 0);
        await assertUnavailable(token);
        const unready = await started.management.get('/readyz').expect(503);
        assert.match(JSON.stringify(unready.body), /signing keys.*have never been loaded/);
        await started.management.get('/livez').expect(200);

        simulator.clearFaults();
        await until('it recovers', async () => (await callWith(token)).status === 200);
        await started.management.get('/readyz').expect(200);

        simulator.setFault(endpoint, fault);
        const failed = await refreshes('failed');
        await until('a refresh has failed', async () => (await refreshes('failed')) > failed);
        assert.equal((await callWith(token)).status, 200);
        await started.management.get('/readyz').expect(200);
        assert.ok(started.log.some((line) => line.msg === 'the signing keys could not be loaded'));
      });
    }
  });
}

describe('key sets that are JSON but useless', () => {
  const sets: [string, unknown][] = [
    ['no keys', { keys: [] }],
    ['keys of no use', { keys: [{ kty: 'RSA', kid: 'x', use: 'enc', n: 'AQAB', e: 'AQAB' }] }],
    ['no RSA', { keys: [{ kty: 'oct', kid: 'x', k: 'c2VjcmV0' }] }],
    ['half a key', { keys: [{ kty: 'RSA', kid: 'x' }] }],
  ];
  for (const [name, body] of sets) {
    test(`${name}: the last good ones serve`, async () => {
      const token = await it.simulator.token('admin');
      await start({ refreshMs: 40 });
      it.simulator.setFault('keys', { status: 200, body: JSON.stringify(body) });
      const failed = await refreshes('failed');
      await until('a refresh has failed', async () => (await refreshes('failed')) > failed);
      assert.equal((await callWith(token)).status, 200);
    });
  }
});

describe('metadata that cannot be Entra’s', () => {
  const documents: [string, Record<string, string>][] = [
    [
      'another tenant’s issuer',
      { issuer: 'https://login.example/99999999-8888-4777-8666-555555555555/v2.0' },
    ],
    ['the issuer of no tenant', { issuer: 'https://login.example/{tenantid}/v2.0' }],
    ['keys over http', { jwks_uri: 'http://localhost/keys' }],
    ['a token endpoint over http', { token_endpoint: 'http://localhost/token' }],
    ['keys on another host', { jwks_uri: 'https://login.microsoftonline.com/common/discovery/keys' }],
    ['keys on another port', { jwks_uri: 'https://localhost:1/keys' }],
    ['a token endpoint on another host', { token_endpoint: 'https://login.example/token' }],
    ['sign-in on another host', { authorization_endpoint: 'https://localhost.example/authorize' }],
  ];
  for (const [name, document] of documents) {
    test(`${name} is not believed`, async () => {
      const entra = await startMintingEntra(it.simulator, { document: () => document });
      try {
        await start({}, { unready: true, environment: { AZURE_AUTHORITY_HOST: entra.url } });
        await until('the first load has failed', async () => (await refreshes('failed')) > 0);
        await assertUnavailable(entra.mint.token());
      } finally {
        await entra.close();
      }
    });
  }

  test('an address with quotes and line ends gets into no header as it is', async () => {
    const entra = await startMintingEntra(it.simulator, {
      document: ({ url }) => ({ authorization_endpoint: `${url}/a"b\r\nset-cookie: x` }),
    });
    try {
      const there = await start({}, { environment: { AZURE_AUTHORITY_HOST: entra.url } });
      const response = await there.api.get(me).expect(401);
      assert.match(
        String(response.headers['www-authenticate']),
        /^Bearer realm="[^"]*", authorization_uri="https:\/\/localhost:\d+\/a%22bset-cookie:%20x"$/,
      );
    } finally {
      await entra.close();
    }
  });
});

test('the last good keys serve until they are too old, and not a moment longer', async () => {
  const token = await it.simulator.token('admin');
  const started = await start({ refreshMs: 60_000, maxAgeMs: 1500 });
  assert.equal((await callWith(token)).status, 200);
  assert.ok((await started.metric('chromeos_bff_signing_keys_loaded_timestamp_seconds')) > 0);
  it.simulator.setFault('metadata', { reset: true });
  await until('they are too old', async () => (await callWith(token)).status !== 200);
  await assertUnavailable(token);
  const { body } = await started.management.get('/readyz').expect(503);
  assert.match(JSON.stringify(body), /signing keys.*too old/);
});

test('a metadata document that vanishes for a moment takes no issuer with it', async () => {
  const { simulator } = it;
  const v1 = await simulator.token('admin', { version: '1.0' });
  await start({ refreshMs: 40 });
  const failed = await refreshes('failed');
  // One of the two documents of the next load is gone.
  simulator.setFault('metadata', { status: 404, body: html, times: 1 });
  await until('a refresh has failed', async () => (await refreshes('failed')) > failed);
  assert.equal((await callWith(v1)).status, 200);
});

test('a call whose time is up does not wait for signing keys that do not come', async () => {
  const token = await it.simulator.token('admin');
  for (const endpoint of ['metadata', 'keys'] as const) {
    it.simulator.setFault(endpoint, { hang: true });
    await start({ timeoutMs: 60_000 }, { unready: true, answerMs: 300 });
    const begun = performance.now();
    await assertUnavailable(token);
    assert.ok(performance.now() - begun < 15_000);
    it.simulator.clearFaults();
  }
});

test('nor for a look at keys it does not know', async () => {
  await start({ timeoutMs: 60_000 }, { answerMs: 300 });
  it.simulator.setFault('keys', { hang: true });
  const token = await it.simulator.token('admin', { header: { kid: 'strange' } });
  await assertUnavailable(token);
});

describe('an unknown kid', () => {
  test('1,000 of them cause one refetch an interval', async () => {
    const { simulator } = it;
    await start({ unknownKeyRefetchMs: 60_000 });
    simulator.clearCalls();
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        simulator.token('admin', { header: { kid: `strange-${index}` } }),
      ),
    );
    for (let round = 0; round < 50; round += 1) {
      const answers = await Promise.all(tokens.map(callWith));
      assert.ok(answers.every(({ status, code }) => status === 401 && code === 'invalid_token'));
    }
    // One load: both documents, both again for our application, both key sets.
    assert.deepEqual([it.asked('metadata'), it.asked('keys')], [4, 2]);
    assert.equal(await refreshes('loaded'), 2);
  });

  test('is 503 and not 401 while Entra cannot be asked', async () => {
    const { simulator } = it;
    await start({ unknownKeyRefetchMs: 0 });
    await simulator.rotateKeys();
    const rolled = await simulator.token('admin');
    simulator.setFault('keys', { status: 503, body: html });
    await assertUnavailable(rolled);
    simulator.clearFaults();
    assert.equal((await callWith(rolled)).status, 200);
  });

  test('of a tenant that is not on the list causes no fetch at all', async () => {
    await start({ unknownKeyRefetchMs: 0 });
    it.simulator.clearCalls();
    const tokens = [
      await it.simulator.token('admin', { tenantId: it.simulator.otherTenantId }),
      await it.simulator.token('admin', { claims: { tid: crypto.randomUUID() } }),
    ];
    for (const token of tokens) assert.equal((await callWith(token)).status, 401);
    assert.deepEqual(it.simulator.calls, []);
  });

  test('of an allowed tenant’s name under another’s issuer fetches only the named tenant’s keys', async () => {
    const { simulator } = it;
    await start({ unknownKeyRefetchMs: 0 }, { environment: bothTenants });
    simulator.clearCalls();
    const token = await simulator.token('admin', { claims: { tid: simulator.otherTenantId } });
    assert.equal((await callWith(token)).status, 401);
    assert.deepEqual(
      new Set(simulator.calls.map((call) => call.tenantId)),
      new Set([simulator.otherTenantId]),
    );
  });
});

test('keys roll under load without a failed call', async () => {
  const { simulator } = it;
  await start({ unknownKeyRefetchMs: 0 });
  const statuses: number[] = [];
  let rolling = true;
  const load = async () => {
    while (rolling) {
      // Someone else each time: one caller may call only so often.
      const token = await simulator.token('admin', { oid: crypto.randomUUID() });
      statuses.push((await callWith(token)).status);
    }
  };
  const roll = async () => {
    for (let rolls = 1; rolls <= 3; rolls += 1) {
      await simulator.rotateKeys();
      await until('calls were made with the new keys', () => statuses.length > rolls * 30);
    }
    rolling = false;
  };
  await Promise.all([roll(), load(), load(), load(), load()]);
  assert.deepEqual(new Set(statuses), new Set([200]));
});

test('a key that Entra withdraws is good for nothing after the next refresh', async () => {
  const token = await it.simulator.token('admin');
  await start({ refreshMs: 40, unknownKeyRefetchMs: 60_000 });
  assert.equal((await callWith(token)).status, 200);
  await it.simulator.rotateKeys(undefined, { keepOld: false });
  await until('it is withdrawn', async () => (await callWith(token)).status === 401);
});

test('one tenant’s outage does not touch the other', async () => {
  const { simulator } = it;
  const { otherTenantId } = simulator;
  const [mine, theirs] = await Promise.all([
    simulator.token('admin'),
    simulator.token('admin', { tenantId: otherTenantId }),
  ]);
  for (const endpoint of ['metadata', 'keys'] as const)
    simulator.setFault(endpoint, { hang: true, tenantId: otherTenantId });
  const started = await start({ refreshMs: 40, timeoutMs: 100 }, { environment: bothTenants });
  await assertUnavailable(theirs);
  assert.equal((await callWith(mine)).status, 200);
  assert.equal((await it.readConnection({ token: mine })).status, 200);
  await started.management.get('/readyz').expect(200);
  simulator.clearFaults();
  await until('the other is back', async () => (await callWith(theirs)).status === 200);
  // In its own tenant, with its own authority.
  assert.equal((await it.readConnection({ token: theirs })).status, 200);
  const paths = simulator.calls
    .filter((call) => call.endpoint === 'token')
    .map((call) => call.path.split('/')[1]);
  assert.deepEqual(paths, [simulator.registration.tenantId, otherTenantId]);
});
