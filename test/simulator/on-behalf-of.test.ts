import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfidentialClientApplication } from '@azure/msal-node';
import { decodeJwt } from 'jose';
import type { PersonBehaviour } from '../../simulator/directory.ts';
import type { TokenOptions } from '../../simulator/simulator.ts';
import { type Answer, type Changes, scope, start } from './support.ts';

function assertRefused(answer: Answer, code: number, error: string, label: string): void {
  const body = answer.json();
  assert.deepEqual(body.error_codes, [code], `${label}: ${answer.text}`);
  assert.equal(body.error, error, label);
  assert.match(String(body.error_description), new RegExp(`^AADSTS${code}: `));
  assert.match(String(body.timestamp), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/);
  assert.match(String(body.trace_id), /^[0-9a-f-]{36}$/);
  assert.match(String(body.correlation_id), /^[0-9a-f-]{36}$/);
}

test('on behalf of: a Graph token for that user, of about the real size', async () => {
  await using running = await start();
  for (const version of ['1.0', '2.0'] as const) {
    const assertion = await running.simulator.token('auditor', { version });
    const answer = await running.exchange(assertion, {
      scope: `${scope} openid profile offline_access`,
      client_info: '1',
      claims: '{"access_token":{"xms_cc":{"values":["cp1"]}}}',
    });
    assert.equal(answer.status, 200, answer.text);
    const body = answer.json();
    assert.equal(body.token_type, 'Bearer');
    assert.equal(body.expires_in, 4799);
    assert.equal(String(body.scope).split(' ')[0], scope);
    assert.equal(typeof body.id_token, 'string');
    const user = decodeJwt(assertion);
    const graph = decodeJwt(String(body.access_token));
    assert.equal(graph.aud, 'https://graph.microsoft.com');
    assert.equal(graph.appid, running.simulator.registration.clientId);
    assert.equal(graph.oid, user.oid);
    assert.equal(graph.name, 'Олена Аудиторка');
    assert.deepEqual(graph.xms_cc, ['cp1']);
    assert.ok(String(body.access_token).length > 1800);
    const info = JSON.parse(Buffer.from(String(body.client_info), 'base64url').toString());
    assert.deepEqual(info, { uid: user.oid, utid: user.tid });
  }
});

test('the scope of each cloud is granted, and nothing extra comes without being asked for', async () => {
  await using running = await start();
  const assertion = await running.simulator.token('admin');
  for (const host of ['graph.microsoft.us', 'dod-graph.microsoft.us', 'microsoftgraph.chinacloudapi.cn']) {
    const answer = await running.exchange(assertion, {
      scope: `https://${host}/DeviceManagementConfiguration.ReadWrite.All`,
    });
    assert.equal(answer.status, 200, answer.text);
    const body = answer.json();
    assert.equal(decodeJwt(String(body.access_token)).aud, `https://${host}`);
    assert.equal('client_info' in body || 'id_token' in body || 'refresh_token' in body, false);
    assert.equal('xms_cc' in decodeJwt(String(body.access_token)), false);
  }
});

test('requests Entra would refuse are refused as Entra does', async () => {
  await using running = await start();
  const assertion = await running.simulator.token('admin');
  const cases: [string, Changes, number, string, number][] = [
    ['no grant type', { grant_type: null }, 90014, 'invalid_request', 400],
    ['another grant', { grant_type: 'client_credentials' }, 70003, 'unsupported_grant_type', 400],
    ['no token use', { requested_token_use: null }, 90014, 'invalid_request', 400],
    ['no assertion', { assertion: null }, 90014, 'invalid_request', 400],
    ['another app', { client_id: running.simulator.portalClientId }, 700016, 'unauthorized_client', 400],
    ['wrong secret', { client_secret: 'guess' }, 7000215, 'invalid_client', 401],
    ['no secret', { client_secret: null }, 7000218, 'invalid_client', 401],
    ['wrong scope', { scope: 'https://graph.microsoft.com/.default' }, 70011, 'invalid_scope', 400],
    ['two scopes', { scope: `${scope} https://graph.microsoft.com/User.Read` }, 70011, 'invalid_scope', 400],
    ['broken claims', { claims: '{' }, 90014, 'invalid_request', 400],
    ['not a token', { assertion: 'a.b.c' }, 50027, 'invalid_request', 400],
    ['unknown tenant', { tenant: 'nobody' }, 90002, 'invalid_tenant', 400],
    ['another tenant', { tenant: running.simulator.otherTenantId }, 50013, 'invalid_grant', 400],
  ];
  for (const [label, changes, code, error, status] of cases) {
    const answer = await running.exchange(assertion, changes);
    assertRefused(answer, code, error, label);
    assert.equal(answer.status, status, label);
  }
});

test('assertions Entra would refuse are refused as Entra does', async () => {
  await using running = await start();
  const cases: [string, TokenOptions, number, string][] = [
    ['unknown key', { key: 'unpublished' }, 50013, 'invalid_grant'],
    ['expired', { expiresIn: -1 }, 500133, 'invalid_grant'],
    ['audience', { claims: { aud: 'api://another' } }, 500131, 'invalid_grant'],
    ['issuer', { claims: { iss: 'https://sts.windows.net/elsewhere/' } }, 50013, 'invalid_grant'],
    ['algorithm', { header: { alg: 'none' } }, 50013, 'invalid_grant'],
    ['app-only', { kind: 'app-only' }, 7000114, 'unauthorized_client'],
    ['id token', { kind: 'id-token' }, 50013, 'invalid_grant'],
  ];
  for (const [label, options, code, error] of cases) {
    assertRefused(
      await running.exchange(await running.simulator.token('admin', options)),
      code,
      error,
      label,
    );
  }
  const [head, , signature] = (await running.simulator.token('admin')).split('.');
  const [, payload] = (await running.simulator.token('second-admin')).split('.');
  assertRefused(
    await running.exchange(`${head}.${payload}.${signature}`),
    50013,
    'invalid_grant',
    'another payload under the signature',
  );
});

test('what is held against one person', async () => {
  await using running = await start();
  const { simulator } = running;
  const challenge = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
  const cases: [PersonBehaviour, number, string, string][] = [
    [{ revoked: true }, 50173, 'invalid_grant', 'bad_token'],
    [{ consentMissing: true }, 65001, 'invalid_grant', 'consent_required'],
    [{ mfaRequired: challenge }, 50076, 'interaction_required', 'basic_action'],
    [{ deviceNotCompliant: true }, 53000, 'interaction_required', 'message_only'],
    [{ entraErrorCode: 50057 }, 50057, 'invalid_grant', ''],
  ];
  for (const [behaviour, code, error, suberror] of cases) {
    simulator.setPerson('admin', behaviour);
    const answer = await running.exchange(await simulator.token('admin'));
    assertRefused(answer, code, error, JSON.stringify(behaviour));
    assert.equal(answer.json().suberror ?? '', suberror);
    assert.equal(answer.json().claims, behaviour.mfaRequired);
    assert.equal((await running.exchange(await simulator.token('second-admin'))).status, 200);
  }
  simulator.setPerson('admin', { mfaRequired: challenge });
  const stepped = await simulator.token('admin', { claims: { acrs: ['c1'] } });
  assert.equal((await running.exchange(stepped)).status, 200);
  simulator.setPerson('admin', null);
  assert.equal((await running.exchange(await simulator.token('admin'))).status, 200);
});

test('secrets rotate, and an expired one has its own code', async () => {
  await using running = await start();
  const assertion = await running.simulator.token('admin');
  running.simulator.setSecrets(['old', 'new'], ['ancient']);
  assert.equal((await running.exchange(assertion, { client_secret: 'old' })).status, 200);
  assert.equal((await running.exchange(assertion, { client_secret: 'new' })).status, 200);
  assertRefused(
    await running.exchange(assertion, { client_secret: 'ancient' }),
    7000222,
    'invalid_client',
    'ancient',
  );
  running.simulator.setSecrets(['new']);
  assertRefused(
    await running.exchange(assertion, { client_secret: 'old' }),
    7000215,
    'invalid_client',
    'old',
  );
});

test('a minted user who is nobody by name, in the other tenant, with a short Graph token', async () => {
  await using running = await start();
  const { simulator } = running;
  simulator.setGraphTokenLifetime(120);
  const tenantId = simulator.otherTenantId;
  const assertion = await simulator.token('admin', { tenantId, oid: 'user-77' });
  const answer = await running.exchange(assertion, { tenant: tenantId });
  assert.equal(answer.json().expires_in, 120);
  const claims = decodeJwt(String(answer.json().access_token));
  assert.equal(claims.tid, tenantId);
  assert.equal(claims.oid, 'user-77');
});

test("Microsoft's own client library gets a token, and its claims on a challenge", async () => {
  await using running = await start();
  const { simulator, call } = running;
  const application = new ConfidentialClientApplication({
    auth: {
      clientId: simulator.registration.clientId,
      clientSecret: simulator.registration.clientSecret,
      authority: `${simulator.url}/${simulator.registration.tenantId}/`,
      knownAuthorities: [new URL(simulator.url).host],
      clientCapabilities: ['cp1'],
    },
    system: {
      networkClient: {
        sendGetRequestAsync: (url, options) => relay('GET', url, options?.headers),
        sendPostRequestAsync: (url, options) => relay('POST', url, options?.headers, options?.body),
      },
    },
  });
  async function relay<Body>(method: string, url: string, headers?: Record<string, string>, body?: string) {
    const { pathname, search } = new URL(url);
    const answer = await call(method, pathname + search, {
      ...(headers ? { headers } : {}),
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, headers: {}, body: answer.json() as Body };
  }
  const oboAssertion = await simulator.token('admin');
  const result = await application.acquireTokenOnBehalfOf({ oboAssertion, scopes: [scope] });
  assert.deepEqual(decodeJwt(result?.accessToken ?? '').xms_cc, ['cp1']);

  const claimsChallenge = '{"access_token":{"acrs":{"essential":true,"value":"c2"}}}';
  simulator.setFault('token', { claimsChallenge });
  await assert.rejects(
    application.acquireTokenOnBehalfOf({ oboAssertion, scopes: [scope], skipCache: true }),
    (error: Error & { claims?: string }) => error.claims === claimsChallenge,
  );
});
