import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Fault } from '../../simulator/simulator.ts';
import { entraCodes } from '../../src/adapters/entra/entra-errors.ts';
import { type PrivateEntra, startPrivateEntra } from '../support/private-entra.ts';
import { until } from '../support/processes.ts';
import { hold } from '../support/scene.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startWorld,
  type TestService,
  type World,
} from '../support/service.ts';
import { minter } from '../support/tokens.ts';

const claimsJson = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
const claimsBase64 = Buffer.from(claimsJson).toString('base64');

let world: World;
let service: TestService;

before(async () => {
  world = await startWorld();
  service = await startService(world);
});
after(async () => {
  await service?.close();
  await world?.close();
});
beforeEach(async () => {
  await world.closeOperations();
  world.simulator.reset();
  service.log.length = 0;
});

const callsTo = (endpoint: string) =>
  world.simulator.calls.filter((call) => call.endpoint === endpoint).length;
const read = (token: string) => service.api.get(connectionPath).set('authorization', bearer(token));
const act = (token: string) => service.api.post(disconnectPath).set('authorization', bearer(token));
/** A reader nobody has seen yet, so that no cache knows them. */
const someReader = () => world.simulator.token('reader', { oid: crypto.randomUUID() });
const someAdmin = () => world.simulator.token('admin', { oid: crypto.randomUUID() });

type Row = {
  name: string;
  fault: Fault;
  status: number;
  code: string;
  challenge?: RegExp;
  cause?: RegExp;
};

const invalidToken = { status: 401, code: 'invalid_token', challenge: /, error="invalid_token"$/ };
const needsClaims = {
  status: 401,
  code: 'insufficient_claims',
  challenge: new RegExp(`, error="insufficient_claims", claims="${claimsBase64}"$`),
};
const answers = {
  assertion_rejected: invalidToken,
  consent_required: { status: 403, code: 'consent_required' },
  tenant_setup_required: { status: 403, code: 'tenant_setup_required' },
  access_blocked: { status: 403, code: 'access_blocked' },
  exchange_misconfigured: { status: 500, code: 'exchange_misconfigured' },
  credential_rejected: { status: 500, code: 'credential_rejected' },
  identity_throttled: { status: 503, code: 'identity_throttled' },
  identity_unavailable: { status: 503, code: 'identity_unavailable' },
} as const;

const oneOfEach = Object.entries(entraCodes).flatMap(([meaning, codes]) =>
  codes.map(
    (code): Row => ({
      name: `AADSTS${code}`,
      // Retry-After beyond the deadline: these rows are about the answer, not about trying again.
      fault: { entraError: { code }, retryAfter: '60' },
      ...answers[meaning as keyof typeof answers],
    }),
  ),
);

const others: Row[] = [
  ...['basic_action', 'message_only', 'consent_required', 'bad_token', 'never heard of'].map(
    (suberror): Row => ({
      name: `claims with the suberror ${suberror}`,
      fault: { entraError: { code: 50076, suberror, claims: claimsJson } },
      ...needsClaims,
    }),
  ),
  {
    name: 'claims with another error',
    fault: { entraError: { code: 53003, error: 'invalid_grant', claims: claimsJson } },
    ...needsClaims,
  },
  {
    name: 'claims with a code nobody knows',
    fault: { entraError: { code: 12345, claims: claimsJson } },
    ...needsClaims,
  },
  {
    name: 'claims without a suberror',
    fault: {
      status: 400,
      body: JSON.stringify({ error: 'interaction_required', error_codes: [50079], claims: claimsJson }),
    },
    ...needsClaims,
  },
  {
    name: 'a general code before the telling one',
    fault: { status: 401, body: JSON.stringify({ error: 'invalid_grant', error_codes: [70002, 50012] }) },
    ...answers.credential_rejected,
  },
  {
    name: 'codes that are no numbers',
    fault: { status: 400, body: JSON.stringify({ error: 'invalid_client', error_codes: ['50013'] }) },
    ...answers.credential_rejected,
  },
  {
    name: 'a 429 in HTML',
    fault: { status: 429, body: '<h1>Slow down</h1>', retryAfter: '60' },
    ...answers.identity_throttled,
  },
  {
    name: 'a 503 in HTML',
    fault: { status: 503, body: '<h1>Down</h1>', retryAfter: '60' },
    ...answers.identity_unavailable,
  },
  {
    name: 'a redirect',
    fault: { status: 302, body: '', headers: { location: 'https://evil.example/' }, retryAfter: '60' },
    ...answers.identity_unavailable,
  },
];

describe('each refusal of Entra’s has its answer', () => {
  for (const row of [...oneOfEach, ...others]) {
    test(`${row.name} is ${row.status} ${row.code}`, async () => {
      world.simulator.setFault('token', row.fault);
      const response = await act(await someAdmin());
      assert.equal(response.status, row.status);
      assert.equal(response.body.code, row.code);
      if (row.challenge) assert.match(String(response.headers['www-authenticate']), row.challenge);
      if (row.status === 503) assert.equal(response.headers['retry-after'], '60');
      if (row.code === 'consent_required') {
        const { tenantId, clientId } = world.simulator.registration;
        assert.equal(
          response.body.consentUrl,
          `${world.simulator.url}/${tenantId}/adminconsent?client_id=${clientId}`,
        );
      }
      assert.equal(callsTo('disconnect'), 0);
      const shown = JSON.stringify([response.body, response.headers]);
      for (const theirs of ['Trace ID', 'Correlation ID', 'error_description', '<h1>', 'evil']) {
        assert.ok(!shown.includes(theirs), `the answer has Entra’s ${theirs}`);
      }
      if (row.cause)
        await until('it is logged', () => service.log.some((line) => row.cause?.test(String(line.cause))));
    });
  }

  test('a challenge of Graph’s reaches the caller too', async () => {
    world.simulator.setFault('list', { claimsChallenge: claimsJson });
    const response = await read(await someReader()).expect(401);
    assert.match(String(response.headers['www-authenticate']), needsClaims.challenge);
  });

  test('who comes back with the claims gets through', async () => {
    world.simulator.setPerson('admin', { mfaRequired: claimsJson });
    await act(await world.simulator.token('admin')).expect(401);
    await act(await world.simulator.token('admin', { claims: { acrs: ['c1'] } })).expect(200);
  });

  test('our own credential refused: the metric moves and the log says which one', async () => {
    const rejected = await service.metric('chromeos_bff_credential_rejections_total');
    world.simulator.setSecrets([]);
    const response = await act(await someAdmin()).expect(500);
    assert.equal(response.headers['www-authenticate'], undefined);
    assert.equal(await service.metric('chromeos_bff_credential_rejections_total'), rejected + 1);
    const line = service.log.find((entry) => entry.msg === 'Entra ID refused our own credential');
    assert.deepEqual(
      [line?.level, line?.credential, line?.expires, line?.entraCode],
      ['error', 'secret', 'unknown', 7000215],
    );
  });
});

describe('what is exchanged, and how often', () => {
  test('the request is on-behalf-of, at the tenant’s own endpoint, with cp1 and one scope of Graph’s', async () => {
    await act(await someAdmin()).expect(200);
    const call = world.simulator.calls.find(({ endpoint }) => endpoint === 'token');
    const form = new URLSearchParams(call?.body);
    assert.equal(call?.path.split('?')[0], `/${world.simulator.registration.tenantId}/oauth2/v2.0/token`);
    assert.equal(form.get('requested_token_use'), 'on_behalf_of');
    assert.deepEqual(JSON.parse(form.get('claims') ?? '{}').access_token.xms_cc, { values: ['cp1'] });
    const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope.startsWith('https://'));
    assert.deepEqual(scopes, ['https://graph.microsoft.com/DeviceManagementConfiguration.ReadWrite.All']);
    const graph = world.simulator.calls.find(({ endpoint }) => endpoint === 'disconnect');
    assert.deepEqual(graph?.claims?.xms_cc, ['cp1']);
  });

  test('50 simultaneous reads with one assertion make one exchange', async () => {
    const shared = () => service.metric('chromeos_bff_token_exchange_cache_total', { result: 'shared' });
    const before = await shared();
    const token = await someReader();
    const held = hold(world.simulator, 'token');
    const reads = Promise.all(Array.from({ length: 50 }, () => read(token).expect(200)));
    await until('all but the first wait for the first', async () => (await shared()) === before + 49);
    held.release();
    await reads;
    assert.equal(callsTo('token'), 1);
    assert.equal(callsTo('list'), 50);
    await read(token).expect(200);
    assert.equal(callsTo('token'), 1);
  });

  test('a failure is not kept', async () => {
    const token = await someReader();
    world.simulator.setFault('token', { entraError: { code: 65001 }, times: 1 });
    await read(token).expect(403);
    await read(token).expect(200);
  });

  test('each assertion has its own token, also of one user', async () => {
    const oid = crypto.randomUUID();
    const first = await world.simulator.token('reader', { oid });
    const second = await world.simulator.token('reader', { oid });
    await read(first).expect(200);
    await read(second).expect(200);
    await read(first).expect(200);
    assert.equal(callsTo('token'), 2);
  });

  test('a disconnect exchanges again, before and after reads, and at the same time as others', async () => {
    const token = await someAdmin();
    await read(token).expect(200);
    await Promise.all(Array.from({ length: 5 }, () => act(token)));
    await read(token).expect(200);
    assert.equal(callsTo('token'), 6);
  });

  test('a Graph token that is about to expire is not kept', async () => {
    world.simulator.setGraphTokenLifetime(59);
    const token = await someReader();
    await read(token).expect(200);
    await read(token).expect(200);
    assert.equal(callsTo('token'), 2);
  });

  test('nor one whose assertion is about to expire', async () => {
    const token = await world.simulator.token('reader', { oid: crypto.randomUUID(), expiresIn: 50 });
    await read(token).expect(200);
    await read(token).expect(200);
    assert.equal(callsTo('token'), 2);
  });

  test('the cache holds no more than its size, and the metric says how many', async () => {
    const small = await startService(world, { environment: { EXCHANGE_CACHE_SIZE: '5' } });
    try {
      const tokens = await Promise.all(Array.from({ length: 12 }, someReader));
      for (const token of tokens) {
        await small.api.get(connectionPath).set('authorization', bearer(token)).expect(200);
      }
      assert.equal(await small.metric('chromeos_bff_token_exchange_cache_entries'), 5);
    } finally {
      await small.close();
    }
  });
});

describe('an Entra of another make', () => {
  let entra: PrivateEntra;
  let there: TestService;
  let mint: ReturnType<typeof minter>;
  before(async () => {
    const { registration, portalClientId, tls } = world.simulator;
    entra = await startPrivateEntra(tls, registration.tenantId, { v1: false });
    mint = minter(entra, { ...registration, portalId: portalClientId });
    there = await startService(world, { environment: { AZURE_AUTHORITY_HOST: `${entra.url}/` } });
  });
  after(async () => {
    await there?.close();
    await entra?.close();
  });

  test('that has only v2.0 documents: its tokens are accepted and exchanged', async () => {
    await there.api.get('/api/v1/me').set('authorization', bearer(mint.token())).expect(200);
    const response = await there.api.post(disconnectPath).set('authorization', bearer(mint.token()));
    // Its Graph token means nothing to the simulator's Graph, and so the exchange is proven.
    assert.equal(response.body.code, 'graph_token_rejected');
    assert.equal(entra.forms.length, 1);
  });

  test('that gives no expiry, an id token that is none, or a token type of its own', async () => {
    const bodies = [
      { access_token: 'graph-token' },
      { access_token: 'graph-token', token_type: 'Bearer', expires_in: 'soon', id_token: 'x.y.z' },
      { access_token: 'graph-token', token_type: 'pop', expires_in: -5, client_info: '!' },
      { access_token: '' },
      { access_token: 5 },
      [],
    ];
    for (const body of bodies) {
      entra.answer = () => ({ body });
      const response = await there.api.post(disconnectPath).set('authorization', bearer(mint.token()));
      assert.ok([401, 503].includes(response.status), JSON.stringify([body, response.body]));
    }
  });
});
