import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { TokenRefused } from '../../../src/adapters/entra/access-token.ts';
import { createBearerVerifier } from '../../../src/adapters/entra/bearer-strategy.ts';

// What a caller hears is tested over HTTP in test/e2e/identity-tokens.test.ts; here is what passport-azure-ad checks,
// with tokens that are really signed.
const authorityHost = 'https://login.example';
const tenantId = '5a1e0000-7e4a-4000-8000-000000000001';
const clientId = '5a1e0000-c11e-4000-8000-0000000000b1';
const issuers = [`${authorityHost}/${tenantId}/v2.0`, `https://sts.example/${tenantId}/`];
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function tokenWith(claims: object = {}, key: KeyObject = pair.privateKey): string {
  const usual = { aud: clientId, iss: issuers[0], tid: tenantId, nbf: inSeconds(-60), exp: inSeconds(3600) };
  const signed = `${part({ typ: 'JWT', alg: 'RS256', kid: 'k1' })}.${part({ ...usual, ...claims })}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
}

function verify(token: string, { clockSkewSeconds = 1 } = {}): Promise<object> {
  const audiences = [clientId, `api://${clientId}`];
  const verifyBearer = createBearerVerifier({ authorityHost, clientId, audiences, clockSkewSeconds });
  return verifyBearer(token, { tenantId, issuers, key: pair.publicKey });
}

describe('a token is verified', () => {
  test('by each of its tenant’s issuers, for each of our audiences: gives its claims', async () => {
    for (const iss of issuers) {
      for (const aud of [clientId, `api://${clientId}`]) {
        const claims = (await verify(tokenWith({ iss, aud, oid: 'somebody' }))) as Record<string, unknown>;
        assert.deepEqual([claims.iss, claims.aud, claims.oid], [iss, aud, 'somebody']);
      }
    }
  });

  const refused: [string, () => string, RegExp][] = [
    ['another key', () => tokenWith({}, other.privateKey), /invalid signature/],
    ['another issuer', () => tokenWith({ iss: `${authorityHost}/another/v2.0` }), /issuer/],
    ['no issuer', () => tokenWith({ iss: undefined }), /iss value/],
    ['another audience', () => tokenWith({ aud: 'https://graph.example' }), /audience/],
    ['no audience', () => tokenWith({ aud: undefined }), /audience/],
    ['an end that is over', () => tokenWith({ exp: inSeconds(-30) }), /expired/],
    ['no end', () => tokenWith({ exp: undefined }), /exp/],
    ['a beginning that is to come', () => tokenWith({ nbf: inSeconds(30) }), /not active/],
  ];
  for (const [name, token, why] of refused) {
    test(`not with ${name}, and why is for the log`, async () => {
      await assert.rejects(verify(token()), (error) => {
        assert.ok(error instanceof TokenRefused);
        assert.match(error.message, /^passport-azure-ad: /);
        assert.match(error.message, why);
        assert.equal(error.tenantId, tenantId);
        return true;
      });
    });
  }

  test('with clocks that differ, as far as that is allowed', async () => {
    for (const claims of [{ exp: inSeconds(-30) }, { nbf: inSeconds(30) }]) {
      await verify(tokenWith(claims), { clockSkewSeconds: 60 });
      await assert.rejects(verify(tokenWith(claims), { clockSkewSeconds: 10 }), TokenRefused);
    }
  });

  test('and the library writes nothing, whatever it finds', async ({ mock }) => {
    const write = mock.method(process.stdout, 'write', () => true);
    await verify(tokenWith());
    await assert.rejects(verify(tokenWith({}, other.privateKey)), TokenRefused);
    await assert.rejects(verify('no.token.atAll'), TokenRefused);
    const written = write.mock.calls.map(({ arguments: [text] }) => String(text));
    write.mock.restore();
    // The test's own report goes there too.
    assert.deepEqual(
      written.filter((text) => text.includes('AzureAD')),
      [],
    );
  });
});
