import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { otherTenantId, portalClientId, registration } from '../../simulator/directory.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { privateKeyPair } from '../support/private-entra.ts';
import { until } from '../support/processes.ts';
import { bothTenants, scene } from '../support/scene.ts';
import { assertNoSecret, bearer, disconnectPath } from '../support/service.ts';
import { type MintingEntra, rawRequest, startMintingEntra } from '../support/tokens.ts';

const me = '/api/v1/me';
const other = '99999999-8888-4777-8666-555555555555';
const stranger = privateKeyPair();
const seconds = () => Math.floor(Date.now() / 1000);

const { tenantId, clientId } = registration;

let entra: MintingEntra;
let mint: MintingEntra['mint'];
const it = scene({
  environment: async ({ simulator }) => {
    entra = await startMintingEntra(simulator);
    mint = entra.mint;
    return { ...bothTenants, AZURE_AUTHORITY_HOST: entra.url };
  },
});
after(() => entra?.close());
beforeEach(() => {
  entra.requests.length = 0;
  it.service.log.length = 0;
});

const v1Claims = () => ({
  aud: `api://${clientId}`,
  iss: `https://sts.windows.net/${tenantId}/`,
  appid: portalClientId,
  azp: undefined,
  preferred_username: undefined,
  unique_name: 'ada.admin@contoso.example',
  upn: 'ada.admin@contoso.example',
  ver: '1.0',
});

describe('a token that is right is accepted', () => {
  const rows: [string, () => string][] = [
    ['v2.0', () => mint.token()],
    ['v1.0', () => mint.token({ claims: v1Claims() })],
    ['v1.0 with x5t', () => mint.token({ claims: v1Claims(), header: { x5t: entra.keyId } })],
    ['expired, but within the clock skew', () => mint.token({ claims: { exp: seconds() - 50 } })],
    [
      'valid from a moment ahead, within the clock skew',
      () => mint.token({ claims: { nbf: seconds() + 50 } }),
    ],
    ['without nbf', () => mint.token({ claims: { nbf: undefined } })],
    ['with several scopes', () => mint.token({ claims: { scp: 'profile access_as_user' } })],
    ['with upper-case ids', () => mint.token({ claims: { tid: tenantId.toUpperCase() } })],
    ['of a person with facets', () => mint.token({ claims: { xms_sub_fct: '3 130 1', xms_act_fct: '9 3' } })],
    ['of a member, by acct 0', () => mint.token({ claims: { acct: 0 } })],
    [
      'of a member, with the tenant’s own idp',
      () => mint.token({ claims: { idp: `https://sts.windows.net/${tenantId}/` } }),
    ],
    ['with azp and appid that agree', () => mint.token({ claims: { appid: portalClientId } })],
    [
      'with colons, quotes and escapes in its values, which look like repeated keys and are not',
      () => mint.token({ claims: { name: 'a":"b\\":{"x":1}', list: [{ a: 1 }, { a: 2 }] } }),
    ],
    [
      'with a claim called __proto__',
      () =>
        mint.token({
          payloadText: JSON.stringify(mint.usualClaims()).replace('{', '{"__proto__":{"roles":[]},'),
        }),
    ],
  ];
  for (const [name, token] of rows) {
    test(name, async () => {
      const response = await it.service.api.get(me).set('authorization', bearer(token())).expect(200);
      assert.equal(response.body.tenantId, tenantId);
      assert.deepEqual(response.body.roles, ['ChromeOS.Disconnect']);
    });
  }

  test('whatever the case of the scheme (RFC 9110 11.1)', async () => {
    await it.service.api.get(me).set('authorization', `bearer ${mint.token()}`).expect(200);
    await it.service.api.get(me).set('authorization', `BEARER ${mint.token()}`).expect(200);
  });

  const welcoming = {
    adjust: (settings: Settings) => ({
      ...settings,
      entra: { ...settings.entra, guestsAllowed: true, agentsAllowed: true },
    }),
  };

  test('of a guest, where a setting allows guests', async () => {
    const guestsWelcome = await it.start(welcoming);
    const token = mint.token({ claims: { acct: 1 } });
    await guestsWelcome.api.get(me).set('authorization', bearer(token)).expect(200);
  });

  test('of an agent, where a setting allows agents; the record says what it is', async () => {
    const agentsWelcome = await it.start(welcoming);
    const token = mint.token({ claims: { xms_sub_fct: '13', idtyp: 'user' } });
    const { headers } = await agentsWelcome.api.get(me).set('authorization', bearer(token)).expect(200);
    assert.equal(await kindOnRecord(headers['client-request-id']), 'agent');
    // Allowed are agents with an account, not applications.
    const alone = mint.token({ claims: { xms_sub_fct: '11', idtyp: 'app' } });
    await agentsWelcome.api.get(me).set('authorization', bearer(alone)).expect(403);
  });

  test('and the profile says who it is, from the token, and what they may do', async () => {
    const token = mint.token({ claims: { roles: ['ChromeOS.Approve', 'Something.Else'] } });
    const { body } = await it.service.api.get(me).set('authorization', bearer(token)).expect(200);
    assert.deepEqual(body, {
      oid: '11111111-2222-4333-8444-555555555555',
      tenantId,
      tenantDomain: 'contoso.example',
      name: 'ada.admin@contoso.example',
      roles: ['ChromeOS.Approve', 'Something.Else'],
      permissions: ['read_connection', 'approve'],
      policy: null,
    });
  });
});

type Refusal = { status: 401 | 403; code: string; error: string | null };
const invalid: Refusal = { status: 401, code: 'invalid_token', error: 'invalid_token' };
const noScope: Refusal = { status: 403, code: 'insufficient_scope', error: 'insufficient_scope' };
const forbidden = (code: string): Refusal => ({ status: 403, code, error: null });

const claim = (claims: Record<string, unknown>) => () => bearer(mint.token({ claims }));
const header = (extra: Record<string, unknown>) => () => bearer(mint.token({ header: extra }));
const publicPem = () => entra.publicKey.export({ type: 'spki', format: 'pem' });
const publicDer = () => entra.publicKey.export({ type: 'spki', format: 'der' });
const publicJwk = () => JSON.stringify(entra.publicKey.export({ format: 'jwk' }));
const strangerJwk = () => stranger.publicKey.export({ format: 'jwk' });
const segments = () => mint.token().split('.') as [string, string, string];
const twice = (text: string, member: string) => text.replace('{', `{${member},`);

/** What is wrong, the header that carries it, what the caller hears, and what the log says. */
// biome-ignore format: a table, one row a line.
const refusals: [string, () => string, Refusal, RegExp][] = [
  // Claims, all really signed by the tenant's own key.
  ['expired', claim({ exp: 1_700_000_000, nbf: 1_600_000_000 }), invalid, /expired/],
  ['expired beyond the clock skew', () => claim({ exp: seconds() - 61 })(), invalid, /expired/],
  ['not valid yet', () => claim({ nbf: seconds() + 120 })(), invalid, /not active/],
  ['nbf not before exp', () => claim({ nbf: seconds() + 3700 })(), invalid, /nbf|active/],
  ['nbf as a string', () => claim({ nbf: String(seconds() - 5) })(), invalid, /nbf/],
  ['exp as a string', () => claim({ exp: String(seconds() + 3600) })(), invalid, /exp/],
  ['exp missing', claim({ exp: undefined }), invalid, /exp/],
  ['exp null', claim({ exp: null }), invalid, /exp/],
  ['exp beyond all numbers', () => bearer(mint.token({ payloadText: JSON.stringify(mint.usualClaims()).replace(/"exp":\d+/, '"exp":1e999') })), invalid, /exp/],
  ['another audience', claim({ aud: 'https://graph.microsoft.com' }), invalid, /audience/],
  ['our audience in another case', () => claim({ aud: `API://${clientId}` })(), invalid, /audience/],
  ['aud as a list', () => claim({ aud: [clientId] })(), invalid, /aud/],
  ['aud as a list of two', () => claim({ aud: [clientId, other] })(), invalid, /aud|azp/],
  ['aud missing', claim({ aud: undefined }), invalid, /aud/],
  ['another tenant’s issuer with our tid', () => claim({ iss: `${entra.url}/${otherTenantId}/v2.0` })(), invalid, /issuer/],
  ['another tenant’s v1.0 issuer with our tid', () => claim({ iss: `https://sts.windows.net/${otherTenantId}/` })(), invalid, /issuer/],
  ['an issuer that only begins like ours', () => claim({ iss: `${entra.url}/${tenantId}/v2.0/` })(), invalid, /issuer/],
  ['iss as a list', () => claim({ iss: [`${entra.url}/${tenantId}/v2.0`] })(), invalid, /iss/],
  ['iss missing', claim({ iss: undefined }), invalid, /iss/],
  ['a tenant that is not on the list', claim({ tid: other }), invalid, /not on the allow-list/],
  ['tid missing', claim({ tid: undefined }), invalid, /tid/],
  ['tid not a GUID', claim({ tid: '../../common' }), invalid, /tid/],
  ['tid as a list', () => claim({ tid: [tenantId] })(), invalid, /tid/],
  ['oid missing', claim({ oid: undefined }), invalid, /oid/],
  ['oid with a NUL', claim({ oid: '1111\0' }), invalid, /oid/],
  ['oid with a line end', claim({ oid: '1111\n2222' }), invalid, /oid/],
  ['azp with half a character', claim({ azp: '\ud800' }), invalid, /azp/],
  ['no calling app', claim({ azp: undefined }), invalid, /neither azp nor appid/],
  ['azp and appid disagree', claim({ appid: other }), invalid, /disagree/],
  ['an id token', claim({ azp: undefined, scp: undefined, nonce: 'n' }), invalid, /not an access token/],
  ['roles as a string', claim({ roles: 'ChromeOS.Disconnect' }), invalid, /roles/],
  ['scp as a list', claim({ scp: ['access_as_user'] }), invalid, /scp/],
  // Who it is, which is for `core/access.ts` to say.
  ['app-only, by idtyp', claim({ idtyp: 'app' }), noScope, /app-only/],
  ['app-only, by want of scp', claim({ scp: undefined }), noScope, /app-only/],
  ['another scope', claim({ scp: 'profile' }), noScope, /scp lacks access_as_user/],
  ['a scope that only contains ours', claim({ scp: 'not_access_as_user access_as_user2' }), noScope, /scp lacks/],
  ['an empty scp', claim({ scp: '' }), noScope, /scp lacks/],
  ['the scope in another case', claim({ scp: 'Access_As_User' }), noScope, /scp lacks/],
  ['a portal that is not on the list', claim({ azp: other }), forbidden('portal_not_allowed'), /^portal_not_allowed$/],
  ['a guest, by acct 1', claim({ acct: 1 }), forbidden('guest_not_allowed'), /^guest_not_allowed$/],
  ['a guest, by acct "1"', claim({ acct: '1' }), forbidden('guest_not_allowed'), /^guest_not_allowed$/],
  ['a guest, by a foreign idp', claim({ idp: `https://sts.windows.net/${other}/` }), forbidden('guest_not_allowed'), /^guest_not_allowed$/],
  ['a guest, by live.com', claim({ idp: 'live.com' }), forbidden('guest_not_allowed'), /^guest_not_allowed$/],
  ['without roles', claim({ roles: undefined }), forbidden('role_missing'), /^role_missing$/],
  ['with a reader’s role', claim({ roles: ['ChromeOS.Read'] }), forbidden('role_missing'), /^role_missing$/],
  // An agent's user account looks like a person in all but its facets.
  ['an agent’s user account', claim({ xms_sub_fct: '13', idtyp: 'user' }), noScope, /a token of an agent/],
  ['an agent’s user account, among other facets', claim({ xms_sub_fct: '1 13 9' }), noScope, /a token of an agent/],
  ['an agent’s user account, as a number', claim({ xms_sub_fct: 13 }), noScope, /a token of an agent/],
  ['an agent’s user account, as a list', claim({ xms_sub_fct: ['3', 13] }), noScope, /a token of an agent/],
  ['an agent identity', claim({ xms_sub_fct: '11' }), noScope, /a token of an agent/],
  ['an agent that acts for a person', claim({ xms_act_fct: '9 11' }), noScope, /a token of an agent/],
  ['facets that are none', claim({ xms_sub_fct: { 13: true } }), invalid, /xms_sub_fct/],
  // Signatures and keys.
  ['signed by a stranger under our kid', () => bearer(mint.token({ key: stranger.privateKey })), invalid, /signature/],
  ['a changed payload', () => { const [head, , signature] = segments(); const payload = Buffer.from(JSON.stringify({ ...mint.usualClaims(), oid: other })).toString('base64url'); return bearer(`${head}.${payload}.${signature}`); }, invalid, /signature/],
  ['alg none', () => bearer(mint.unsigned('AAAA', { header: { alg: 'none' } })), invalid, /header's alg/],
  ['alg none without a signature', () => bearer(mint.unsigned('', { header: { alg: 'none' } })), invalid, /compact/],
  ['alg nOnE', () => bearer(mint.unsigned('AAAA', { header: { alg: 'nOnE' } })), invalid, /header's alg/],
  ['alg missing', header({ alg: undefined }), invalid, /header's alg/],
  ['alg as a list', header({ alg: ['RS256'] }), invalid, /header's alg/],
  ['HS256 under our public key as PEM', () => bearer(mint.hmac(publicPem())), invalid, /header's alg/],
  ['HS256 under our public key as DER', () => bearer(mint.hmac(publicDer())), invalid, /header's alg/],
  ['HS256 under our public key as JWK', () => bearer(mint.hmac(publicJwk())), invalid, /header's alg/],
  ['HS256 under our public key that says RS256', () => bearer(mint.hmac(publicPem(), { header: { alg: 'RS256' } })), invalid, /signature/],
  ['RS512', header({ alg: 'RS512' }), invalid, /header's alg/],
  ['PS256', header({ alg: 'PS256' }), invalid, /header's alg/],
  ['a jwk of the attacker’s', () => bearer(mint.token({ header: { jwk: strangerJwk() }, key: stranger.privateKey })), invalid, /header has jwk/],
  ['a jku', () => bearer(mint.token({ header: { jku: 'https://evil.example/keys' }, key: stranger.privateKey })), invalid, /header has jku/],
  ['an x5u', () => bearer(mint.token({ header: { x5u: 'https://evil.example/cert' }, key: stranger.privateKey })), invalid, /header has x5u/],
  ['an x5c', () => bearer(mint.token({ header: { x5c: [publicDer().toString('base64')] }, key: stranger.privateKey })), invalid, /header has x5c/],
  ['even a jwk that is ours', header({ jwk: {} }), invalid, /header has jwk/],
  ['x5t of our key, kid of none', header({ kid: 'nobody', x5t: 'private-entra-key' }), invalid, /key the tenant does not have/],
  ['x5t elsewhere, signed by a stranger', () => bearer(mint.token({ header: { x5t: 'elsewhere' }, key: stranger.privateKey })), invalid, /signature/],
  ['a kid of nobody’s', header({ kid: 'nobody' }), invalid, /key the tenant does not have/],
  ['a kid that is a path', header({ kid: '../../../../etc/passwd' }), invalid, /key the tenant does not have/],
  ['a kid that is SQL', header({ kid: "x' union select '1" }), invalid, /key the tenant does not have/],
  ['a kid of Object.prototype', header({ kid: 'constructor' }), invalid, /key the tenant does not have/],
  ['a kid called __proto__', header({ kid: '__proto__' }), invalid, /key the tenant does not have/],
  ['a kid of 10 kB', header({ kid: 'k'.repeat(10_000) }), invalid, /header's kid/],
  ['an empty kid', header({ kid: '' }), invalid, /header's kid/],
  ['no kid', header({ kid: undefined }), invalid, /header's kid/],
  ['a kid that is a number', header({ kid: 1 }), invalid, /header's kid/],
  ['a kid that is an object', header({ kid: { toString: 'x' } }), invalid, /header's kid/],
  // The header's other parameters.
  ['crit', header({ crit: ['exp'], exp: 1 }), invalid, /header has crit/],
  ['b64 false', header({ b64: false, crit: ['b64'] }), invalid, /header has (crit|b64)/],
  ['b64 false alone', header({ b64: false }), invalid, /header has b64/],
  ['zip', header({ zip: 'DEF' }), invalid, /header has zip/],
  ['a nested token', header({ cty: 'JWT' }), invalid, /header has cty/],
  ['typ missing', header({ typ: undefined }), invalid, /header's typ/],
  ['typ at+jwt, which Entra never says', header({ typ: 'at+jwt' }), invalid, /header's typ/],
  // The form.
  ['a detached payload', () => bearer(`${segments()[0]}..${segments()[2]}`), invalid, /compact/],
  ['five segments', () => bearer(`${mint.token()}.AAAA.AAAA`), invalid, /compact/],
  ['two segments', () => bearer(segments().slice(0, 2).join('.')), invalid, /compact/],
  ['one word', () => bearer('secret'), invalid, /compact/],
  ['JSON serialization', () => bearer(JSON.stringify({ protected: segments()[0] })), invalid, /compact/],
  ['padding', () => bearer(`${mint.token()}==`), invalid, /compact/],
  ['plain base64', () => bearer(mint.token().replace(/.$/, '+')), invalid, /compact/],
  ['stray bits in the signature', () => { const token = mint.token(); return bearer(`${token.slice(0, -1)}${stray(token.at(-1))}`); }, invalid, /canonical/],
  ['stray bits in the header', () => { const [, payload, signature] = segments(); const head = Buffer.from('{"typ":"JWT","alg":"RS256","kid":"1234"}').toString('base64url'); return bearer(`${head.slice(0, -1)}${stray(head.at(-1))}.${payload}.${signature}`); }, invalid, /header is not canonical/],
  ['a header that is no JSON', () => bearer(mint.token({ headerText: 'RS256' })), invalid, /header is not JSON/],
  ['a header that is a list', () => bearer(mint.token({ headerText: '["RS256"]' })), invalid, /header is not a JSON object/],
  ['a header that is null', () => bearer(mint.token({ headerText: 'null' })), invalid, /header is not a JSON object/],
  ['a payload that is no JSON', () => bearer(mint.token({ payloadText: 'claims' })), invalid, /payload is not JSON/],
  ['a payload that is a string', () => bearer(mint.token({ payloadText: '"claims"' })), invalid, /payload is not a JSON object/],
  ['a payload that is a token', () => bearer(mint.token({ payloadText: mint.token() })), invalid, /payload is not JSON/],
  ['a payload with a byte order mark', () => bearer(mint.token({ payloadText: `\uFEFF${JSON.stringify(mint.usualClaims())}` })), invalid, /payload is not JSON/],
  ['a payload that is not UTF-8', () => { const [head, , signature] = segments(); return bearer(`${head}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}.${signature}`); }, invalid, /UTF-8/],
  ['a key twice in the header', () => bearer(mint.token({ headerText: twice(JSON.stringify({ typ: 'JWT', alg: 'RS256', kid: 'private-entra-key' }), '"alg":"none"'), })), invalid, /header has a key twice/],
  ['a key twice in the payload', () => bearer(mint.token({ payloadText: twice(JSON.stringify(mint.usualClaims()), '"roles":[]') })), invalid, /payload has a key twice/],
  ['a key twice, once escaped', () => bearer(mint.token({ payloadText: twice(JSON.stringify(mint.usualClaims()), '"\\u006fid":"x"') })), invalid, /payload has a key twice/],
  ['a key twice, deeper down', () => bearer(mint.token({ payloadText: twice(JSON.stringify(mint.usualClaims()), '"a":[{"b":{"c":1,"c":2}}]') })), invalid, /payload has a key twice/],
  ['__proto__ with the claims in it', () => bearer(mint.token({ payloadText: `{"__proto__":${JSON.stringify(mint.usualClaims())},"tid":"${tenantId}"}`, })), invalid, /iss/],
  ['lists nested thousands deep', () => bearer(mint.token({ payloadText: twice(JSON.stringify(mint.usualClaims()), `"a":${'['.repeat(4000)}${']'.repeat(4000)}`), })), invalid, /nested too deeply/],
  ['objects nested a thousand deep in the header', () => bearer(mint.token({ headerText: twice(JSON.stringify({ typ: 'JWT', alg: 'RS256', kid: 'x' }), `"a":${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`), })), invalid, /nested too deeply/],
  // The Authorization header.
  ['Basic', () => 'Basic dXNlcjpwYXNzd29yZA==', invalid, /not a bearer token/],
  ['the token without a scheme', () => mint.token(), invalid, /not a bearer token/],
  ['the scheme without a token', () => 'Bearer', invalid, /not a bearer token/],
  ['Bearer twice', () => `Bearer Bearer ${mint.token()}`, invalid, /not a bearer token/],
  ['two tokens', () => `Bearer ${mint.token()} ${mint.token()}`, invalid, /not a bearer token/],
  ['two schemes, by a comma', () => `Bearer ${mint.token()}, Basic dXNlcjpw`, invalid, /not a bearer token/],
  ['two blanks', () => `Bearer  ${mint.token()}`, invalid, /not a bearer token/],
  ['a tab', () => `Bearer\t${mint.token()}`, invalid, /not a bearer token/],
  ['a blank within', () => bearer(mint.token().replace('.', ' .')), invalid, /not a bearer token/],
  ['quotes', () => `Bearer "${mint.token()}"`, invalid, /not a bearer token/],
];

/** Another last character that decodes to the same bytes. */
function stray(character = ''): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return alphabet[alphabet.indexOf(character) + 1] ?? '';
}

describe('a token that is not right is refused', () => {
  let usual: unknown;
  before(async () => {
    const { body } = await it.service.api.post(disconnectPath).set('authorization', 'Bearer a.b.c');
    usual = withoutIds(body);
  });

  for (const [name, authorization, refusal, cause] of refusals) {
    test(name, async () => {
      const value = authorization();
      const response = await it.service.api.post(disconnectPath).set('authorization', value);
      assert.equal(response.status, refusal.status);
      assert.equal(response.body.code, refusal.code);
      const challenge = String(response.headers['www-authenticate']);
      assert.match(challenge, /^Bearer realm="[^"]+", authorization_uri="https:\/\/[^"]+"(, error="\w+")?$/);
      assert.equal(/error="(\w+)"/.exec(challenge)?.[1] ?? null, refusal.error);
      // One answer for every bad token: what exactly was wrong is no one's business.
      if (refusal.code === 'invalid_token') assert.deepEqual(withoutIds(response.body), usual);

      const line = await logLineOf(String(response.headers['client-request-id']));
      assert.match(String(line.cause ?? line.failure), cause);
      assertNothingCalled();
      assertNoSecret(JSON.stringify([it.service.log, response.body, response.headers]), partsOf(value));
    });
  }

  test('no header at all', async () => {
    const response = await it.service.api.post(disconnectPath).expect(401);
    assert.equal(response.body.code, 'token_missing');
    assert.doesNotMatch(String(response.headers['www-authenticate']), /error=/);
    assertNothingCalled();
  });

  test('an empty header', async () => {
    const answer = await rawRequest(it.service.url, [`GET ${me} HTTP/1.1`, 'Authorization:']);
    assert.equal(answer.status, 401);
    assert.equal(JSON.parse(answer.body).code, 'invalid_token');
  });

  test('in the query', async () => {
    const token = mint.token();
    const read = await it.service.api.get(me).query({ access_token: token }).expect(401);
    assert.equal(read.body.code, 'token_missing');
    const act = await it.service.api.post(disconnectPath).query({ access_token: token }).expect(401);
    assert.equal(act.body.code, 'token_missing');
    assertNothingCalled();
    assertNoSecret(JSON.stringify([it.service.log, read.body, act.body]), partsOf(token));
  });

  test('in the body', async () => {
    const token = mint.token();
    for (const type of ['form', 'json']) {
      const response = await it.service.api.post(disconnectPath).type(type).send({ access_token: token });
      assert.ok([400, 401, 415].includes(response.status), String(response.status));
      assertNoSecret(JSON.stringify([it.service.log, response.body]), partsOf(token));
    }
    assertNothingCalled();
  });

  test('in two Authorization headers, the same or not', async () => {
    const good = `Authorization: Bearer ${mint.token()}`;
    for (const second of [good, 'Authorization: Bearer x', 'AUTHORIZATION: Basic x', 'authorization:']) {
      for (const lines of [
        [good, second],
        [second, good],
      ]) {
        const answer = await rawRequest(it.service.url, [
          `POST ${disconnectPath} HTTP/1.1`,
          ...lines,
          'Content-Length: 0',
        ]);
        assert.equal(answer.status, 401, second);
        assert.equal(JSON.parse(answer.body).code, 'invalid_token');
        assert.match(answer.headers.get('www-authenticate') ?? '', /error="invalid_token"/);
        const line = await logLineOf(answer.headers.get('client-request-id') ?? '');
        assert.match(String(line.cause), /more than one Authorization header/);
      }
    }
    assertNothingCalled();
  });

  test('folded over two lines', async () => {
    const [head, ...rest] = mint.token().split('.');
    const answer = await rawRequest(it.service.url, [
      `GET ${me} HTTP/1.1`,
      `Authorization: Bearer ${head}.`,
      ` ${rest.join('.')}`,
    ]);
    assert.ok([400, 401].includes(answer.status), String(answer.status));
  });

  test('with NUL, control and non-ASCII bytes', async () => {
    const token = Buffer.from(mint.token());
    for (const byte of [0x00, 0x01, 0x0b, 0x7f, 0x80, 0xa0, 0xc3, 0xff]) {
      for (const place of [0, 10, token.length]) {
        const mixed = Buffer.concat([
          Buffer.from('Authorization: Bearer '),
          token.subarray(0, place),
          Buffer.of(byte),
          token.subarray(place),
        ]);
        const answer = await rawRequest(it.service.url, [`GET ${me} HTTP/1.1`, mixed]);
        assert.ok([400, 401].includes(answer.status), `byte ${byte} at ${place}: ${answer.status}`);
      }
    }
  });

  test('over 16 kB, before any crypto', async () => {
    const within = mint.token({ claims: { padding: 'x'.repeat(8000) } });
    await it.service.api.get(me).set('authorization', bearer(within)).expect(200);
    for (const size of [16_500, 64_000, 1_000_000]) {
      const answer = await rawRequest(it.service.url, [
        `GET ${me} HTTP/1.1`,
        `Authorization: Bearer ${'a'.repeat(size)}`,
      ]);
      assert.equal(answer.status, 431);
    }
    await it.service.api.get(me).set('authorization', bearer(within)).expect(200);
  });
});

test('a refusal is on record as what was refused: an agent, an application, a person', async () => {
  for (const [claims, kind] of [
    [{ xms_sub_fct: '13' }, 'agent'],
    [{ idtyp: 'app' }, 'app'],
    [{ azp: other }, 'user'],
  ] as const) {
    const { headers } = await it.service.api.get(me).set('authorization', claim(claims)()).expect(403);
    assert.equal(await kindOnRecord(headers['client-request-id']), kind);
  }
});

test('metrics tell the results apart', async () => {
  assert.ok(
    (await it.service.metric('chromeos_bff_token_validations_total', { result: 'token_invalid' })) > 50,
  );
  assert.ok((await it.service.metric('chromeos_bff_token_validations_total', { result: 'valid' })) > 10);
});

async function kindOnRecord(requestId: unknown): Promise<string | undefined> {
  const [row] = await it.query<{ kind: string }>(
    "select record->'actor'->>'kind' as kind from audit_events where record->>'requestId' = $1",
    [requestId],
  );
  return row?.kind;
}

async function logLineOf(requestId: string): Promise<Record<string, unknown>> {
  const find = () => it.service.log.find((line) => line.msg === 'request' && line.requestId === requestId);
  await until('the request is logged', () => find() !== undefined);
  return find() ?? {};
}

function assertNothingCalled(): void {
  assert.deepEqual(
    entra.requests.filter((request) => request.startsWith('POST')),
    [],
  );
  assert.deepEqual(it.simulator.calls, []);
}

/** What must not come back: the longer segments of a token. */
function partsOf(authorization: string): string[] {
  return authorization.split(/[\s.]+/).filter((part) => part.length > 20);
}

function withoutIds(body: Record<string, unknown>): unknown {
  const { requestId: _requestId, traceId: _traceId, instance: _instance, error, ...rest } = body;
  const { innerError: _innerError, ...shown } = error as Record<string, unknown>;
  return { ...rest, error: shown };
}
