import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { TokenRefused } from '../../../src/adapters/entra/access-token.ts';
import { createBearerVerifier } from '../../../src/adapters/entra/bearer-strategy.ts';
import { authorityHost, clientId, inSeconds, issuer, pair, signedToken, tenantId } from './signed-token.ts';

// What a caller hears is tested over HTTP in test/e2e/identity-tokens.test.ts; here is what passport-azure-ad checks,
// with tokens that are really signed.
const issuers = [issuer, `https://sts.example/${tenantId}/`];
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });

function verify(token: string, { clockSkewSeconds = 1 } = {}): Promise<object> {
  const audiences = [clientId, `api://${clientId}`];
  const verifyBearer = createBearerVerifier({ authorityHost, clientId, audiences, clockSkewSeconds });
  return verifyBearer(token, { tenantId, issuers, key: pair.publicKey });
}

describe('a token is verified', () => {
  test('by each of its tenant’s issuers, for each of our audiences: gives its claims', async () => {
    for (const iss of issuers) {
      for (const aud of [clientId, `api://${clientId}`]) {
        const claims = (await verify(signedToken({ iss, aud, oid: 'somebody' }))) as Record<string, unknown>;
        assert.deepEqual([claims.iss, claims.aud, claims.oid], [iss, aud, 'somebody']);
      }
    }
  });

  const refused: [string, () => string, RegExp][] = [
    ['another key', () => signedToken({}, other.privateKey), /invalid signature/],
    ['another issuer', () => signedToken({ iss: `${authorityHost}/another/v2.0` }), /issuer/],
    ['no issuer', () => signedToken({ iss: undefined }), /iss value/],
    ['another audience', () => signedToken({ aud: 'https://graph.example' }), /audience/],
    ['no audience', () => signedToken({ aud: undefined }), /audience/],
    ['an end that is over', () => signedToken({ exp: inSeconds(-30) }), /expired/],
    ['no end', () => signedToken({ exp: undefined }), /exp/],
    ['a beginning that is to come', () => signedToken({ nbf: inSeconds(30) }), /not active/],
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
      await verify(signedToken(claims), { clockSkewSeconds: 60 });
      await assert.rejects(verify(signedToken(claims), { clockSkewSeconds: 10 }), TokenRefused);
    }
  });

  test('and the library writes nothing, whatever it finds', async ({ mock }) => {
    const write = mock.method(process.stdout, 'write', () => true);
    await verify(signedToken());
    await assert.rejects(verify(signedToken({}, other.privateKey)), TokenRefused);
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
