import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { decodeJwt } from 'jose';
import { atTheDoor, broughtBack, type Changes, form, origin, stepUp } from './browser-door.ts';

const door = atTheDoor();
const { call, authorizePath, press, redeem, signIn } = door;

describe('what the browser door refuses', () => {
  const onItsOwnPage: [string, Changes, RegExp][] = [
    ['an unknown client', { client_id: '5a1e0000-c11e-4000-8000-0000000000b1' }, /AADSTS700016/],
    ['no client', { client_id: null }, /AADSTS700016/],
    ['no redirect URI', { redirect_uri: null }, /AADSTS50011/],
    ['another host', { redirect_uri: 'http://localhost.evil.example:5173/' }, /AADSTS50011/],
    ['a host before the port', { redirect_uri: 'http://localhost:5173@evil.example/' }, /AADSTS50011/],
    ['another path', { redirect_uri: `${origin}/redirect.html/../x` }, /AADSTS50011/],
    ['a query', { redirect_uri: `${origin}/?x=1` }, /AADSTS50011/],
    ['a header smuggled in', { redirect_uri: `${origin}/\r\nset-cookie: a=b` }, /AADSTS50011/],
    ['the address 127.0.0.1', { redirect_uri: 'http://127.0.0.1:5173/' }, /AADSTS50011/],
    ['https', { redirect_uri: 'https://localhost:5173/' }, /AADSTS50011/],
  ];
  for (const [what, changes, expected] of onItsOwnPage) {
    it(`${what}: told on its own page, the browser goes nowhere`, async () => {
      for (const method of ['GET', 'POST']) {
        const answer = await call(
          method,
          authorizePath(changes),
          form,
          method === 'POST' ? 'person=admin' : undefined,
        );
        assert.equal(answer.status, 400);
        assert.equal(answer.headers.location, undefined);
        assert.match(answer.text, expected);
      }
    });
  }

  const sentBack: [string, Changes, string, RegExp][] = [
    ['no PKCE', { code_challenge: null }, 'invalid_request', /AADSTS9002325/],
    ['PKCE in the clear', { code_challenge_method: 'plain' }, 'invalid_request', /AADSTS501491/],
    ['PKCE of no method', { code_challenge_method: null }, 'invalid_request', /AADSTS501491/],
    ['a challenge that is no hash', { code_challenge: 'short' }, 'invalid_request', /AADSTS501491/],
    ['the implicit flow', { response_type: 'id_token token' }, 'unsupported_response_type', /AADSTS700054/],
    [
      'an unknown scope',
      { scope: 'openid https://graph.microsoft.com/User.Read' },
      'invalid_scope',
      /AADSTS70011/,
    ],
    ['no scope', { scope: null }, 'invalid_scope', /AADSTS70011/],
    ['claims that are not JSON', { claims: '{' }, 'invalid_request', /AADSTS90014/],
    ['an answer by form', { response_mode: 'form_post' }, 'invalid_request', /AADSTS90014/],
  ];
  for (const [what, changes, error, description] of sentBack) {
    it(`${what}: told to the portal`, async () => {
      for (const method of ['GET', 'POST']) {
        const answer = await call(
          method,
          authorizePath(changes),
          form,
          method === 'POST' ? 'person=admin' : undefined,
        );
        const back = broughtBack(answer);
        assert.equal(back.error, error);
        assert.match(back.error_description ?? '', description);
        assert.equal(back.state, 'the|state=of the portal');
        assert.equal('code' in back, false);
      }
    });
  }

  it('a person who cancels', async () => {
    const back = broughtBack(await press(authorizePath({ response_mode: 'query' }), { cancel: 'yes' }));
    assert.equal(back.error, 'access_denied');
  });

  it('a person who cancels where more proof is wanted: the form names them all the same', async () => {
    const { cookie } = await signIn('admin', { claims: null });
    const path = authorizePath({ response_mode: 'query', claims: JSON.stringify(stepUp) });
    const page = await call('GET', path, { cookie });
    assert.match(page.text, /Prove it is you/);
    assert.match(page.text, /name="person" value="admin"/);
    const back = broughtBack(await press(path, { person: 'admin', cancel: 'yes' }, cookie));
    assert.equal(back.error, 'access_denied');
  });

  const redemptions: [string, Changes, number, string][] = [
    ['a wrong verifier', { code_verifier: randomBytes(32).toString('base64url') }, 501481, 'invalid_grant'],
    ['no verifier', { code_verifier: null }, 501481, 'invalid_grant'],
    ['another redirect URI', { redirect_uri: `${origin}/` }, 500112, 'invalid_grant'],
    ['another client', { client_id: '5a1e0000-c11e-4000-8000-0000000000b1' }, 700016, 'unauthorized_client'],
    ['a code nobody was given', { code: '1.made-up' }, 9002313, 'invalid_grant'],
    ['no code', { code: null }, 9002313, 'invalid_grant'],
    ['another tenant', { inTenant: '5a1e0000-7e4a-4000-8000-000000000002' }, 700005, 'invalid_grant'],
    ['another grant', { grant_type: 'password' }, 70003, 'unsupported_grant_type'],
    [
      'a refresh token nobody was given',
      { grant_type: 'refresh_token', refresh_token: 'x' },
      9002313,
      'invalid_grant',
    ],
  ];
  for (const [what, changes, code, error] of redemptions) {
    it(`${what}: no token, and the code is still good for its owner`, async () => {
      const given = await signIn('admin');
      const refused = await redeem({ code: given.code, ...changes });
      assert.equal(refused.status, 400);
      assert.deepEqual(refused.json.error_codes, [code]);
      assert.equal(refused.json.error, error);
      assert.equal((await redeem({ code: given.code })).status, 200);
    });
  }

  it('a code a second time, and one that is ten minutes old', async () => {
    const { code } = await signIn('admin');
    assert.equal((await redeem({ code })).status, 200);
    assert.deepEqual((await redeem({ code })).json.error_codes, [54005]);
    const late = await signIn('admin');
    door.wait(10 * 60_000);
    assert.deepEqual((await redeem({ code: late.code })).json.error_codes, [70008]);
  });

  it('anyone but the portal’s own pages at the token endpoint', async () => {
    const { code } = await signIn('admin');
    for (const foreign of [
      'https://evil.example',
      'http://localhost.evil.example',
      'null',
      'http://127.0.0.1:5173',
    ]) {
      const refused = await redeem({ code }, { origin: foreign });
      assert.deepEqual(refused.json.error_codes, [9002326], foreign);
      assert.equal(refused.headers['access-control-allow-origin'], undefined, foreign);
    }
    assert.deepEqual((await redeem({ code }, {})).json.error_codes, [9002327]);
  });

  it('preflights of strangers, and answers the portal’s', async () => {
    const path = `/${door.tenantId}/oauth2/v2.0/token`;
    const asked = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };
    const granted = await call('OPTIONS', path, { ...asked, origin });
    assert.equal(granted.status, 204);
    assert.equal(granted.headers['access-control-allow-origin'], origin);
    assert.match(String(granted.headers['access-control-allow-headers']), /content-type/);
    const stranger = await call('OPTIONS', path, { ...asked, origin: 'https://evil.example' });
    assert.equal(stranger.headers['access-control-allow-origin'], undefined);
    assert.equal(stranger.headers.vary, 'origin');
  });

  it('a refresh token after a day, and of a person who was revoked', async () => {
    const { code } = await signIn('admin');
    const first = await redeem({ code });
    const refresh = (token: unknown) => redeem({ grant_type: 'refresh_token', refresh_token: String(token) });
    door.wait(23 * 60 * 60_000);
    const second = await refresh(first.json.refresh_token);
    assert.equal(second.status, 200);
    assert.equal('nonce' in decodeJwt(String(second.json.id_token)), false);
    door.simulator.setPerson('admin', { revoked: true });
    assert.deepEqual((await refresh(second.json.refresh_token)).json.error_codes, [50173]);
    door.simulator.setPerson('admin', null);
    // Its successor lives no longer than it did.
    door.wait(2 * 60 * 60_000);
    assert.deepEqual((await refresh(second.json.refresh_token)).json.error_codes, [700084]);
  });
});
