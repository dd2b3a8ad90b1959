import assert from 'node:assert/strict';
import { createHash, createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { generate } from 'selfsigned';
import { start } from './support.ts';

const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

async function makeCertificate(options: { notAfterDate?: Date; notBeforeDate?: Date } = {}) {
  const made = await generate([{ name: 'commonName', value: 'bff' }], { algorithm: 'sha256', ...options });
  const raw = new X509Certificate(made.cert).raw;
  return {
    pem: made.cert,
    privateKey: createPrivateKey(made.private),
    thumbprint: createHash('sha256').update(raw).digest('base64url'),
  };
}

type Certificate = Awaited<ReturnType<typeof makeCertificate>>;

test('a registered certificate proves the client; anything off is refused', async () => {
  await using running = await start();
  const { simulator } = running;
  const { clientId, tenantId } = simulator.registration;
  const [certificate, stranger, expired] = await Promise.all([
    makeCertificate(),
    makeCertificate(),
    makeCertificate({ notBeforeDate: new Date('2020-01-01'), notAfterDate: new Date('2021-01-01') }),
  ]);
  simulator.registerCertificate(certificate.pem);
  simulator.registerCertificate(expired.pem);
  const assertion = await simulator.token('admin');
  const now = Math.floor(Date.now() / 1000);
  const claims: JWTPayload = {
    iss: clientId,
    sub: clientId,
    aud: `${simulator.url}/${tenantId}/oauth2/v2.0/token`,
    exp: now + 300,
    nbf: now,
    jti: randomUUID(),
  };

  const present = async (changes: JWTPayload, by = certificate, key = by.privateKey, alg = 'PS256') =>
    running.exchange(assertion, {
      client_secret: null,
      client_assertion_type: clientAssertionType,
      client_assertion: await new SignJWT({ ...claims, ...changes })
        .setProtectedHeader({ alg, typ: 'JWT', 'x5t#S256': by.thumbprint })
        .sign(key),
    });

  assert.equal((await present({})).status, 200);
  assert.equal((await present({}, certificate, certificate.privateKey, 'RS256')).status, 200);
  assert.equal((await present({ aud: `${simulator.url}/${tenantId}/v2.0` })).status, 200);

  const refused: [string, JWTPayload, number, Certificate?, Certificate?][] = [
    ['another key', {}, 700027, certificate, stranger],
    ['not registered', {}, 700027, stranger],
    ['expired certificate', {}, 700027, expired],
    ['audience', { aud: 'https://elsewhere.example/token' }, 700023],
    ['expired', { exp: now - 10 }, 700024],
    ['another subject', { sub: 'someone' }, 700021],
    ['no jti', { jti: '' }, 50027],
  ];
  for (const [label, changes, code, by, signer] of refused) {
    const answer = await present(changes, by ?? certificate, (signer ?? by ?? certificate).privateKey);
    assert.deepEqual(answer.json().error_codes, [code], `${label}: ${answer.text}`);
  }

  simulator.clearCertificates();
  assert.deepEqual((await present({})).json().error_codes, [700027]);
});

test('the workload identity registered from the start is accepted; a mismatch names what is off', async () => {
  await using running = await start();
  const { simulator } = running;
  const assertion = await simulator.token('admin');
  const present = (token: string, type: string | null = clientAssertionType) =>
    running.exchange(assertion, {
      client_secret: null,
      client_assertion_type: type,
      client_assertion: token,
    });

  assert.equal((await present(await simulator.federatedToken())).status, 200);
  const refused: [Parameters<typeof simulator.federatedToken>[0], number][] = [
    [{ issuer: 'https://elsewhere.example' }, 700211],
    [{ subject: 'system:serviceaccount:default:default' }, 700213],
    [{ audience: 'api://something-else' }, 700212],
    [{ expiresIn: -1 }, 700024],
    [{ key: 'unpublished' }, 700027],
  ];
  for (const [options, code] of refused) {
    const answer = await present(await simulator.federatedToken(options));
    assert.deepEqual(answer.json().error_codes, [code], JSON.stringify(options));
    assert.equal(answer.json().error, 'invalid_client');
    assert.equal(answer.status, 401);
  }
  const untyped = await present(await simulator.federatedToken(), null);
  assert.deepEqual(untyped.json().error_codes, [90014]);
});

test('an issuer from outside can be registered', async () => {
  await using running = await start();
  const { simulator } = running;
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const issuer = 'https://cluster.example';
  const subject = 'system:serviceaccount:team:bff';
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience(simulator.federatedCredential.audience)
    .setExpirationTime('5m')
    .sign(privateKey);
  const assertion = await simulator.token('admin');
  const fields = {
    client_secret: null,
    client_assertion_type: clientAssertionType,
    client_assertion: token,
  };
  assert.deepEqual((await running.exchange(assertion, fields)).json().error_codes, [700211]);
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] };
  simulator.registerFederatedCredential({ issuer, subject, jwks });
  assert.equal((await running.exchange(assertion, fields)).status, 200);
});
