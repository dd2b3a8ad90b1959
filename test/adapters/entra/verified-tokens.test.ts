import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import { createBearerVerifier } from '../../../src/adapters/entra/bearer-strategy.ts';
import { createEntraIdentity } from '../../../src/adapters/entra/entra-identity.ts';
import { ExchangeCache } from '../../../src/adapters/entra/exchange-cache.ts';
import type { SigningKeys } from '../../../src/adapters/entra/signing-keys.ts';
import { VerifiedTokens } from '../../../src/adapters/entra/verified-tokens.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import { authorityHost, clientId, issuer, pair, signedToken, tenantId } from './signed-token.ts';

/** A header with a token of somebody. */
const authorization = ({ oid = 'somebody' } = {}) =>
  `Bearer ${signedToken({ oid, azp: 'portal', scp: 'access_as_user' })}`;

const ample = { leftMs: () => 60_000 };

describe('a token that was verified before', () => {
  let checks: number;
  let now: number;
  let keys: Map<string, KeyObject>;
  let identity: ReturnType<typeof createEntraIdentity>;

  function start(size: number): void {
    const verifyBearer = createBearerVerifier({
      authorityHost,
      clientId,
      audiences: [clientId],
      clockSkewSeconds: 0,
    });
    const signingKeys = {
      find: async (keyId: string) => {
        const key = keys.get(keyId);
        return key === undefined ? null : { key, issuers: [issuer] };
      },
      current: { issuers: [issuer] },
    };
    const clock = () => now;
    identity = createEntraIdentity({
      tenants: new Map([[tenantId, signingKeys as unknown as SigningKeys]]),
      verifyBearer: (token, material) => {
        checks += 1;
        return verifyBearer(token, material);
      },
      verified: new VerifiedTokens({ size, clock }),
      exchange: () => assert.fail('nothing is exchanged here'),
      cache: new ExchangeCache({ size, clock, onResult: () => {} }),
    });
  }

  beforeEach(() => {
    checks = 0;
    now = Date.now();
    keys = new Map([['k1', pair.publicKey]]);
    start(10);
  });

  const refused = (headers: string[]) =>
    assert.rejects(
      identity.authenticate(headers, ample),
      (error) => error instanceof CallFailed && error.failure.reason === 'token_invalid',
    );

  test('is not checked twice, and says the same', async () => {
    const header = authorization();
    const first = await identity.authenticate([header], ample);
    const second = await identity.authenticate([header], ample);
    assert.equal(checks, 1);
    assert.deepEqual(second.caller, first.caller);
    assert.equal(second.expiresAt, first.expiresAt);
    assert.equal(second.assertion.reveal(), header.slice('Bearer '.length));
  });

  test('is refused once its tenant does not have its key any more', async () => {
    const header = authorization();
    await identity.authenticate([header], ample);
    keys.clear();
    await refused([header]);
  });

  test('is checked again when its tenant has another key of that name', async () => {
    const header = authorization();
    await identity.authenticate([header], ample);
    keys.set('k1', generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey);
    await refused([header]);
    assert.equal(checks, 2);
  });

  test('is checked again from its expiry on', async () => {
    const header = authorization();
    const { expiresAt } = await identity.authenticate([header], ample);
    now = expiresAt - 1;
    await identity.authenticate([header], ample);
    assert.equal(checks, 1);
    now = expiresAt;
    // The full check has a clock of its own, by which the token is still good.
    await identity.authenticate([header], ample);
    assert.equal(checks, 2);
  });

  test('vouches for no other text, and for no second header', async () => {
    const header = authorization();
    await identity.authenticate([header], ample);
    const other = authorization({ oid: 'somebody-else' });
    const [head, , signature] = header.split('.');
    await refused([`${head}.${other.split('.')[1]}.${signature}`]);
    await refused([`${header}A`]);
    await refused([header, header]);
    await refused([` ${header}`]);
  });

  test('makes room for others: the memory is bounded', async () => {
    start(1);
    const [one, two] = [authorization({ oid: 'one' }), authorization({ oid: 'two' })];
    for (const header of [one, two, one]) await identity.authenticate([header], ample);
    assert.equal(checks, 3);
  });
});
