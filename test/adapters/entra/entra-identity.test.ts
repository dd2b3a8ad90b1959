import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import type { VerificationMaterial } from '../../../src/adapters/entra/bearer-strategy.ts';
import { createEntraIdentity } from '../../../src/adapters/entra/entra-identity.ts';
import { ExchangeCache } from '../../../src/adapters/entra/exchange-cache.ts';
import type { SigningKeys } from '../../../src/adapters/entra/signing-keys.ts';
import type { ExchangeRequest } from '../../../src/adapters/entra/token-exchange.ts';
import { VerifiedTokens } from '../../../src/adapters/entra/verified-tokens.ts';
import type { Deadline } from '../../../src/core/deadline.ts';
import type { Failure } from '../../../src/core/failure.ts';
import { Secret } from '../../../src/core/secret.ts';
import { fails, failureFrom } from '../../support/core.ts';

// Who may call is tested over HTTP in test/e2e/identity-*.test.ts; here is what each part is asked and told. That
// tokens are checked is in bearer-strategy.test.ts.
const tenantId = '5a1e0000-7e4a-4000-8000-000000000001';
const issuers = ['https://login.example/v2.0'];
const { publicKey: key } = generateKeyPairSync('ed25519');
const ample: Deadline = { leftMs: () => 60_000 };

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenOf = ({ kid = 'k1', tid = tenantId } = {}) =>
  `${part({ typ: 'JWT', alg: 'RS256', kid })}.${part({ tid })}.AAAA`;
const claims = {
  aud: 'us',
  iss: issuers[0],
  tid: tenantId,
  oid: 'ada',
  azp: 'portal',
  scp: 'access',
  exp: 4e9,
};

describe('identity on Entra ID', () => {
  let identity: ReturnType<typeof createEntraIdentity>;
  let metadata: { tokenEndpoint: string; issuers: string[] } | null;
  let asked: { find: unknown[]; verify: [string, VerificationMaterial][]; exchange: ExchangeRequest[] };
  let shared: string[][];
  let exchange: () => Promise<void>;

  beforeEach(() => {
    metadata = { tokenEndpoint: 'https://login.example/token', issuers };
    asked = { find: [], verify: [], exchange: [] };
    shared = [];
    exchange = async () => {};
    const signingKeys = {
      find: async (...values: unknown[]) => {
        asked.find.push(values);
        return values[0] === 'k1' ? { key, issuers } : null;
      },
      get current() {
        return metadata;
      },
    };
    const clock = () => 0;
    identity = createEntraIdentity({
      tenants: new Map([[tenantId, signingKeys as unknown as SigningKeys]]),
      verifyBearer: async (...values) => {
        asked.verify.push(values);
        return claims;
      },
      verified: new VerifiedTokens({ size: 10, clock }),
      async exchange(request) {
        asked.exchange.push(request);
        await exchange();
        return { token: new Secret(`Graph's ${asked.exchange.length}`), expiresAt: 4e12 };
      },
      cache: new ExchangeCache({ size: 10, clock, onResult: () => {} }),
      onShared: (...ids) => shared.push(ids),
    });
  });

  const signIn = () => identity.authenticate([`Bearer ${tokenOf()}`], ample);
  const call = (requestId: string) => ({ requestId, deadline: ample });

  test('a caller is who their token names, checked with the key and the issuers of its tenant', async () => {
    const { caller, assertion, fingerprint, expiresAt } = await signIn();
    assert.deepEqual([caller.oid, caller.tenantId, caller.clientId], ['ada', tenantId, 'portal']);
    assert.deepEqual([assertion.reveal(), expiresAt], [tokenOf(), 4e12]);
    assert.match(fingerprint, /^[\w-]{43}$/);
    assert.deepEqual(asked.find, [['k1', ample]]);
    assert.deepEqual(asked.verify, [[tokenOf(), { tenantId, key, issuers }]]);
    const again = await signIn();
    assert.deepEqual([again.fingerprint, again.caller, asked.verify.length], [fingerprint, caller, 1]);
  });

  const refused: [string, string[], Failure][] = [
    ['no header', [], { reason: 'token_missing' }],
    [
      'two headers',
      [`Bearer ${tokenOf()}`, `Bearer ${tokenOf()}`],
      { reason: 'token_invalid', cause: 'more than one Authorization header', tenantId: null },
    ],
    [
      'no token',
      ['Bearer x'],
      { reason: 'token_invalid', cause: 'not a bearer token in compact serialization', tenantId: null },
    ],
    [
      'another tenant',
      [`Bearer ${tokenOf({ tid: '5a1e0000-7e4a-4000-8000-000000000002' })}`],
      { reason: 'token_invalid', cause: 'a tenant that is not on the allow-list', tenantId: null },
    ],
    [
      'a key that nobody knows',
      [`Bearer ${tokenOf({ kid: 'k2' })}`],
      { reason: 'token_invalid', cause: 'signed by a key the tenant does not have', tenantId },
    ],
  ];
  for (const [name, headers, failure] of refused) {
    test(`${name}: ${failure.reason}`, async () => {
      assert.deepEqual(await failureFrom(identity.authenticate(headers, ample)), failure);
      assert.deepEqual(asked.verify, []);
    });
  }

  test('an act gets a fresh token, on behalf of its caller, at their tenant’s endpoint, within its time', async () => {
    const signedIn = await signIn();
    for (const [index, requestId] of ['call-1', 'call-2'].entries()) {
      const token = await identity.exchangeUncached(signedIn, call(requestId));
      assert.equal(token.reveal(), `Graph's ${index + 1}`);
      const { assertion, ...request } = asked.exchange[index] ?? assert.fail();
      assert.equal(assertion.reveal(), tokenOf());
      const tokenEndpoint = 'https://login.example/token';
      assert.deepEqual(request, { tenantId, tokenEndpoint, requestId, deadline: ample });
    }
  });

  test('without its tenant’s metadata nothing is exchanged', async () => {
    const signedIn = await signIn();
    metadata = null;
    const failure = await failureFrom(identity.exchangeUncached(signedIn, call('call-1')));
    assert.deepEqual([failure, asked.exchange], [{ reason: 'signing_keys_unavailable', retryAfter: 5 }, []]);
  });

  test('reads share an exchange that is under way, which ends with no call, and then its token', async () => {
    const signedIn = await signIn();
    const held = Promise.withResolvers<void>();
    exchange = () => held.promise;
    const reads = ['call-1', 'call-2'].map((id) => identity.exchangeForRead(signedIn, call(id)));
    assert.deepEqual(shared, [['call-2', 'call-1']]);
    held.resolve();
    const later = async () => identity.exchangeForRead(signedIn, call('call-3'));
    const tokens = [...(await Promise.all(reads)), await later()].map((token) => token.reveal());
    assert.deepEqual(tokens, ["Graph's 1", "Graph's 1", "Graph's 1"]);
    const [request, ...more] = asked.exchange;
    assert.deepEqual([request?.requestId, request?.deadline, more], ['call-1', null, []]);
    assert.equal(shared.length, 1, 'what is over is not shared');
  });

  test('an exchange that failed is over too', async () => {
    const signedIn = await signIn();
    const unavailable: Failure = { reason: 'identity_unavailable', retryAfterMs: null, cause: '503' };
    exchange = async () => fails(unavailable)();
    const failure = await failureFrom(identity.exchangeForRead(signedIn, call('call-1')));
    assert.deepEqual(failure, unavailable);
    exchange = async () => {};
    await identity.exchangeForRead(signedIn, call('call-2'));
    assert.deepEqual([shared, asked.exchange.length], [[], 2]);
  });
});
