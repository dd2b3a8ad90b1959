import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import { Agent, request } from 'undici';
import { atTheDoor, broughtBack, cookieOf, origin, stepUp } from './browser-door.ts';
import { clientOf } from './support.ts';

const door = atTheDoor();
const { call, authorizePath, press, redeem, signIn } = door;

describe('signing in at the browser door', () => {
  it('names the people on a page that runs no script and says that nothing is real', async () => {
    const page = await call('GET', authorizePath());
    assert.equal(page.status, 200);
    for (const name of [
      'Ada Admin',
      'Rita Reader',
      'Олена Аудиторка',
      'Sven Second',
      'Nora Noroles',
      'Gus Guest',
    ]) {
      assert.ok(page.text.includes(name), name);
    }
    assert.match(page.text, /Nothing here is real/);
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /script-src|unsafe/);
    assert.match(policy, new RegExp(`form-action 'self' ${origin};`));
    assert.equal((await call('GET', '/sign-in.css')).status, 200);
  });

  it('gives tokens that the service takes, and an id token for the portal', async () => {
    const answer = await press(authorizePath(), { person: 'second-admin' });
    const back = broughtBack(answer);
    assert.equal(back.state, 'the|state=of the portal');
    const { status, json, headers } = await redeem({ code: back.code ?? '' });
    assert.equal(status, 200);
    assert.equal(headers['access-control-allow-origin'], origin);

    const keys = (await call('GET', `/${door.tenantId}/discovery/v2.0/keys`))
      .json as unknown as JSONWebKeySet;
    const issuer = `${door.simulator.url}/${door.tenantId}/v2.0`;
    const currentDate = new Date(door.now());
    const verified = async (token: unknown, audience: string) =>
      (await jwtVerify(String(token), createLocalJWKSet(keys), { issuer, audience, currentDate })).payload;
    const access = await verified(json.access_token, door.simulator.registration.clientId);
    const usual = decodeJwt(await door.simulator.token('second-admin'));
    for (const claim of [
      'oid',
      'sub',
      'tid',
      'azp',
      'scp',
      'acct',
      'name',
      'preferred_username',
      'ver',
      'exp',
    ]) {
      assert.deepEqual(access[claim], usual[claim], claim);
    }
    assert.deepEqual(access.roles, ['ChromeOS.Disconnect', 'ChromeOS.Approve']);
    assert.equal('acrs' in access || 'xms_cc' in access, false);

    const id = await verified(json.id_token, door.simulator.portalClientId);
    assert.equal(id.nonce, 'the-nonce');
    assert.equal(id.oid, access.oid);
    assert.equal(id.name, 'Sven Second');
    assert.equal('scp' in id || 'roles' in id, false);
    const account = JSON.parse(Buffer.from(String(json.client_info), 'base64url').toString());
    assert.deepEqual(account, { uid: access.oid, utid: door.tenantId });
    assert.equal(json.expires_in, 4500);
    assert.equal(json.token_type, 'Bearer');
  });

  it('remembers the browser, so that a hidden frame needs no page', async () => {
    const none = authorizePath({ prompt: 'none' });
    assert.equal(broughtBack(await call('GET', none)).error, 'login_required');
    const { cookie } = await signIn('reader');
    const back = broughtBack(await call('GET', none, { cookie }));
    const { json } = await redeem({ code: back.code ?? '' });
    assert.equal(decodeJwt(String(json.access_token)).name, 'Rita Reader');
    // Without the prompt there is no page either; somebody else is asked who they are.
    assert.ok(broughtBack(await call('GET', authorizePath(), { cookie })).code);
    const other = await call('GET', authorizePath({ login_hint: 'ada.admin@contoso.example' }), { cookie });
    assert.ok(other.text.indexOf('Ada Admin') < other.text.indexOf('Rita Reader'));
    for (const prompt of ['login', 'select_account']) {
      assert.equal((await call('GET', authorizePath({ prompt }), { cookie })).status, 200, prompt);
    }
    assert.equal(
      (await call('GET', authorizePath({ inTenant: door.simulator.otherTenantId }), { cookie })).status,
      200,
    );
  });

  it('asks for more proof when the claims demand it, and the token then has it', async () => {
    const path = authorizePath({ claims: JSON.stringify(stepUp) });
    const page = await press(path, { person: 'admin' });
    assert.equal(page.status, 200);
    assert.match(page.text, /Prove it is you/);
    const proven = await press(path, { person: 'admin', proof: 'given' });
    const { json } = await redeem({ code: broughtBack(proven).code ?? '' });
    const token = decodeJwt(String(json.access_token));
    assert.deepEqual(token.acrs, ['c1']);
    assert.deepEqual(token.xms_cc, ['cp1']);
    // The proof is the browser's now: nothing more is asked of it, and a refreshed token has it too.
    const cookie = cookieOf(proven);
    assert.ok(broughtBack(await call('GET', path, { cookie })).code);
    const again = await redeem({ grant_type: 'refresh_token', refresh_token: String(json.refresh_token) });
    assert.deepEqual(decodeJwt(String(again.json.access_token)).acrs, ['c1']);
    // A new sign-in starts without it.
    assert.equal(
      (
        await press(
          authorizePath({ claims: JSON.stringify(stepUp), prompt: 'login' }),
          { person: 'admin' },
          cookie,
        )
      ).status,
      200,
    );
  });

  it('a demand for more proof that nobody can be asked about is refused with the demand', async () => {
    const claims = JSON.stringify(stepUp);
    const { code, cookie } = await signIn('admin');
    const back = broughtBack(await call('GET', authorizePath({ prompt: 'none', claims }), { cookie }));
    assert.equal(back.error, 'interaction_required');
    assert.equal(back.claims, claims);
    const { json } = await redeem({ code });
    const refused = await redeem({
      grant_type: 'refresh_token',
      refresh_token: String(json.refresh_token),
      claims,
    });
    assert.equal(refused.status, 400);
    assert.equal(refused.json.error, 'interaction_required');
    assert.equal(refused.json.claims, claims);
  });

  it('a challenge that follows a revocation wants a sign-in after it', async () => {
    const { cookie } = await signIn('admin');
    const later = Math.floor(door.now() / 1000) + 60;
    const claims = JSON.stringify({ access_token: { nbf: { essential: true, value: String(later) } } });
    assert.equal((await call('GET', authorizePath({ claims }), { cookie })).status, 200);
    door.wait(120_000);
    const answer = await press(authorizePath({ claims }), { person: 'admin' }, cookie);
    assert.ok(broughtBack(await call('GET', authorizePath({ claims }), { cookie: cookieOf(answer) })).code);
  });

  it('signs out, and goes on only to a page of the portal', async () => {
    const { cookie } = await signIn('admin');
    const path = `/${door.tenantId}/oauth2/v2.0/logout?`;
    const back = await call(
      'GET',
      `${path}post_logout_redirect_uri=${encodeURIComponent(`${origin}/`)}&state=s`,
      { cookie },
    );
    assert.equal(back.status, 302);
    assert.equal(back.headers.location, `${origin}/?state=s`);
    assert.match(String(back.headers['set-cookie']), /Max-Age=0/);
    assert.equal((await call('GET', authorizePath(), { cookie })).status, 200);
    const elsewhere = await call('GET', `${path}post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F`);
    assert.equal(elsewhere.status, 200);
    assert.match(elsewhere.text, /You are signed out/);
  });

  it('publishes where everything is, with the issuer of the other face', async () => {
    const { json } = await call('GET', `/${door.tenantId}/v2.0/.well-known/openid-configuration`, { origin });
    assert.equal(json.issuer, `${door.simulator.url}/${door.tenantId}/v2.0`);
    for (const name of ['authorization_endpoint', 'token_endpoint', 'end_session_endpoint', 'jwks_uri']) {
      assert.ok(String(json[name]).startsWith(`${door.simulator.browserUrl}/${door.tenantId}/`), name);
    }
    const unknown = await call('GET', '/nobody/v2.0/.well-known/openid-configuration');
    assert.deepEqual(unknown.json.error_codes, [90002]);
    assert.equal((await call('GET', '/')).status, 200);
    assert.equal((await call('GET', '/favicon.ico')).status, 404);
    const wrongMethod = await call('DELETE', authorizePath());
    assert.equal(wrongMethod.status, 405);
    assert.equal(wrongMethod.headers.allow, 'GET, POST');
  });

  it('a person who was revoked signs in again: what was given out before stays refused', async () => {
    await using entra = clientOf(door.simulator);
    const { code, cookie } = await signIn('admin');
    const before = await redeem({ code });
    const exchanged = async (token: unknown) => (await entra.exchange(String(token))).json().error_codes;
    assert.equal(await exchanged(before.json.access_token), undefined);
    door.wait(60_000);
    door.simulator.setPerson('admin', { revoked: true });
    assert.deepEqual(await exchanged(before.json.access_token), [50173]);
    assert.match((await call('GET', authorizePath(), { cookie })).text, /Pick who you are/);

    door.wait(60_000);
    const again = await signIn('admin');
    const after = await redeem({ code: again.code });
    assert.equal(await exchanged(after.json.access_token), undefined);
    assert.deepEqual(await exchanged(before.json.access_token), [50173]);
    const refresh = async ({ json }: typeof before) =>
      (await redeem({ grant_type: 'refresh_token', refresh_token: String(json.refresh_token) })).status;
    assert.deepEqual([await refresh(before), await refresh(after)], [400, 200]);
    // Another person's sign-in, and theirs elsewhere, are no sign-in of theirs here.
    door.wait(60_000);
    door.simulator.setPerson('admin', { revoked: true });
    await signIn('reader');
    assert.deepEqual(await exchanged(after.json.access_token), [50173]);
    assert.deepEqual(await exchanged(await door.simulator.token('admin')), [50173]);
  });
});

it('the CA certificate is on the other face', async () => {
  const dispatcher = new Agent({ connect: { ca: door.simulator.caPem } });
  const answer = await request(`${door.simulator.url}/simulator/ca.pem`, { dispatcher });
  assert.equal(await answer.body.text(), door.simulator.caPem);
  await dispatcher.destroy();
});
