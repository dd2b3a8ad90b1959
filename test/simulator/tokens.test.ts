import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import type { PersonName } from '../../simulator/simulator.ts';
import { start } from './support.ts';

type Running = Awaited<ReturnType<typeof start>>;

async function discover({ call }: Running, tenantId: string, version: '1.0' | '2.0') {
  const prefix = version === '1.0' ? `/${tenantId}` : `/${tenantId}/v2.0`;
  const metadata = (await call('GET', `${prefix}/.well-known/openid-configuration`)).json();
  const jwks = await call('GET', new URL(String(metadata.jwks_uri)).pathname);
  const keys = jwks.json() as unknown as JSONWebKeySet;
  return { issuer: String(metadata.issuer), metadata, keys };
}

test('tokens of both versions and both tenants verify against what the tenant publishes', async () => {
  await using running = await start();
  const { simulator } = running;
  const { registration } = simulator;
  for (const tenantId of [registration.tenantId, simulator.otherTenantId]) {
    for (const version of ['1.0', '2.0'] as const) {
      const { issuer, keys } = await discover(running, tenantId, version);
      const token = await simulator.token('admin', { version, tenantId });
      const audience = version === '1.0' ? registration.audience : registration.clientId;
      const { payload } = await jwtVerify(token, createLocalJWKSet(keys), { issuer, audience });
      assert.equal(payload.tid, tenantId);
      assert.equal(payload.ver, version);
      assert.equal(payload.scp, 'access_as_user');
      assert.deepEqual(payload.roles, ['ChromeOS.Disconnect']);
      assert.equal(version === '1.0' ? payload.appid : payload.azp, simulator.portalClientId);
      assert.equal(typeof (version === '1.0' ? payload.upn : payload.preferred_username), 'string');
    }
  }
});

test('the metadata documents name their own issuers, and the tenant has its own keys', async () => {
  await using running = await start();
  const { simulator } = running;
  const home = simulator.registration.tenantId;
  const first = await discover(running, home, '1.0');
  assert.equal(first.issuer, `https://sts.windows.net/${home}/`);
  const second = await discover(running, home, '2.0');
  assert.equal(second.issuer, `${simulator.url}/${home}/v2.0`);
  assert.equal(second.metadata.token_endpoint, `${simulator.url}/${home}/oauth2/v2.0/token`);
  const [key] = second.keys.keys;
  assert.equal(key?.kid, key?.x5t);
  assert.equal(key?.kty, 'RSA');
  const other = await discover(running, simulator.otherTenantId, '2.0');
  assert.notEqual(other.keys.keys[0]?.kid, key?.kid);
});

test('an unknown tenant gets the error Entra gives', async () => {
  await using running = await start();
  for (const path of ['/nobody/v2.0/.well-known/openid-configuration', '/nobody/discovery/keys']) {
    const answer = await running.call('GET', path);
    assert.equal(answer.status, 400);
    assert.equal(answer.json().error, 'invalid_tenant');
    assert.deepEqual(answer.json().error_codes, [90002]);
  }
});

test('each person has the roles and the shape their name promises', async () => {
  await using running = await start();
  const roles: Record<PersonName, string[] | undefined> = {
    admin: ['ChromeOS.Disconnect'],
    reader: ['ChromeOS.Read'],
    auditor: ['Audit.Read'],
    'second-admin': ['ChromeOS.Disconnect', 'ChromeOS.Approve'],
    'no-roles': undefined,
    guest: ['ChromeOS.Disconnect'],
  };
  const seen = new Set<unknown>();
  for (const [person, expected] of Object.entries(roles) as [PersonName, string[] | undefined][]) {
    const claims = decodeJwt(await running.simulator.token(person));
    assert.deepEqual(claims.roles, expected, person);
    assert.equal(claims.acct, person === 'guest' ? 1 : 0, person);
    assert.equal('idp' in claims, person === 'guest', person);
    seen.add(claims.oid);
  }
  assert.equal(seen.size, 6);
});

test('the kinds: app-only has no scp, an id token has our audience and no scp, anyone can be a guest', async () => {
  await using running = await start();
  const { simulator } = running;
  const appOnly = decodeJwt(await simulator.token('admin', { kind: 'app-only' }));
  assert.equal(appOnly.idtyp, 'app');
  assert.equal('scp' in appOnly, false);
  const idToken = decodeJwt(await simulator.token('admin', { kind: 'id-token' }));
  assert.equal(idToken.aud, simulator.registration.clientId);
  assert.equal('scp' in idToken || 'azp' in idToken, false);
  const guest = decodeJwt(await simulator.token('reader', { kind: 'guest' }));
  assert.equal(guest.acct, 1);
  assert.equal(typeof guest.idp, 'string');
});

test('claims and header merge, undefined leaves out, expiry and user are chosen', async () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  await using running = await start({ now: () => now });
  const token = await running.simulator.token('admin', {
    claims: { scp: undefined, extra: 1 },
    header: { typ: undefined, crit: ['x'] },
    expiresIn: -60,
    oid: 'someone-else',
  });
  const claims = decodeJwt(token);
  assert.equal('scp' in claims, false);
  assert.equal(claims.extra, 1);
  assert.equal(claims.exp, now / 1000 - 60);
  assert.equal(claims.oid, 'someone-else');
  assert.ok((claims.iat ?? 0) < (claims.exp ?? 0));
  const header = decodeProtectedHeader(token);
  assert.deepEqual(header.crit, ['x']);
  assert.equal('typ' in header, false);
});

test('rotation puts a new key in use; the old one stays published unless it is taken away', async () => {
  await using running = await start();
  const { simulator } = running;
  const home = simulator.registration.tenantId;
  const other = simulator.otherTenantId;
  const kids = async (tenantId: string) =>
    (await discover(running, tenantId, '2.0')).keys.keys.map(({ kid }) => kid);
  const [original] = await kids(home);
  const [untouched] = await kids(other);

  await simulator.rotateKeys(home);
  const [current, ...older] = await kids(home);
  assert.deepEqual(older, [original]);
  assert.equal(decodeProtectedHeader(await simulator.token('admin')).kid, current);
  assert.deepEqual(await kids(other), [untouched]);

  await simulator.rotateKeys(undefined, { keepOld: false });
  assert.equal((await kids(home)).includes(current), false);
  assert.equal((await kids(other)).includes(untouched), false);
});

test('an unpublished key is in no document', async () => {
  await using running = await start();
  const token = await running.simulator.token('admin', { key: 'unpublished' });
  const { keys } = await discover(running, running.simulator.registration.tenantId, '2.0');
  const { kid } = decodeProtectedHeader(token);
  assert.equal(
    keys.keys.some((key) => key.kid === kid),
    false,
  );
});
