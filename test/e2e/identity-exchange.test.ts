import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Fault } from '../../simulator/simulator.ts';
import { entraCodes } from '../../src/adapters/entra/entra-errors.ts';
import { until } from '../support/processes.ts';
import { hold, scene } from '../support/scene.ts';
import type { TestService } from '../support/service.ts';
import { type MintingEntra, startMintingEntra } from '../support/tokens.ts';

const claimsJson = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
const claimsBase64 = Buffer.from(claimsJson).toString('base64');

// Time enough for fifty calls at once on a machine that is busy.
const it = scene({ timings: { graphTimeoutMs: 30_000 } });
beforeEach(() => {
  it.service.log.length = 0;
});

const read = async (token: string) => (await it.readConnection({ token })).status;

type Row = {
  name: string;
  fault: Fault;
  status: number;
  code: string;
  challenge?: RegExp;
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
      it.simulator.setFault('token', row.fault);
      const response = await it.disconnect();
      assert.equal(response.status, row.status);
      assert.equal(response.body.code, row.code);
      if (row.challenge) assert.match(String(response.headers['www-authenticate']), row.challenge);
      if (row.status === 503) assert.equal(response.headers['retry-after'], '60');
      if (row.code === 'consent_required') {
        const { tenantId, clientId } = it.simulator.registration;
        assert.equal(
          response.body.consentUrl,
          `${it.simulator.url}/${tenantId}/adminconsent?client_id=${clientId}`,
        );
      }
      assert.equal(it.asked('disconnect'), 0);
      const shown = JSON.stringify([response.body, response.headers]);
      for (const theirs of ['Trace ID', 'Correlation ID', 'error_description', '<h1>', 'evil']) {
        assert.ok(!shown.includes(theirs), `the answer has Entra’s ${theirs}`);
      }
    });
  }

  test('a challenge of Graph’s reaches the caller too', async () => {
    it.simulator.setFault('list', { claimsChallenge: claimsJson });
    const response = await it.readConnection({ as: 'reader' });
    assert.equal(response.status, 401);
    assert.match(String(response.headers['www-authenticate']), needsClaims.challenge);
  });

  test('who comes back with the claims gets through', async () => {
    it.simulator.setPerson('admin', { mfaRequired: claimsJson });
    assert.equal((await it.disconnect()).status, 401);
    assert.equal((await it.disconnect({ token: { claims: { acrs: ['c1'] } } })).status, 200);
  });

  test('our own credential refused: the metric moves and the log says which one', async () => {
    const rejected = await it.service.metric('chromeos_bff_credential_rejections_total');
    it.simulator.setSecrets([]);
    const response = await it.disconnect();
    assert.equal(response.status, 500);
    assert.equal(response.headers['www-authenticate'], undefined);
    assert.equal(await it.service.metric('chromeos_bff_credential_rejections_total'), rejected + 1);
    const line = it.service.log.find((entry) => entry.msg === 'Entra ID refused our own credential');
    assert.deepEqual(
      [line?.level, line?.credential, line?.expires, line?.entraCode],
      ['error', 'secret', 'unknown', 7000215],
    );
  });
});

describe('what is exchanged, and how often', () => {
  test('the request is on-behalf-of, at the tenant’s own endpoint, with cp1 and one scope of Graph’s', async () => {
    assert.equal((await it.disconnect()).status, 200);
    const call = it.simulator.calls.find(({ endpoint }) => endpoint === 'token');
    const form = new URLSearchParams(call?.body);
    assert.equal(call?.path.split('?')[0], `/${it.tenantId}/oauth2/v2.0/token`);
    assert.equal(form.get('requested_token_use'), 'on_behalf_of');
    assert.deepEqual(JSON.parse(form.get('claims') ?? '{}').access_token.xms_cc, { values: ['cp1'] });
    const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope.startsWith('https://'));
    assert.deepEqual(scopes, ['https://graph.microsoft.com/DeviceManagementConfiguration.ReadWrite.All']);
    const graph = it.simulator.calls.find(({ endpoint }) => endpoint === 'disconnect');
    assert.deepEqual(graph?.claims?.xms_cc, ['cp1']);
  });

  test('50 simultaneous reads with one assertion make one exchange', async () => {
    const shared = () => it.service.metric('chromeos_bff_token_exchange_cache_total', { result: 'shared' });
    const before = await shared();
    const token = await it.stranger('reader');
    const held = hold(it.simulator, 'token');
    const reads = Promise.all(Array.from({ length: 50 }, () => read(token)));
    await until('all but the first wait for the first', async () => (await shared()) === before + 49);
    held.release();
    assert.deepEqual(new Set(await reads), new Set([200]));
    assert.equal(it.asked('token'), 1);
    assert.equal(it.asked('list'), 50);
    assert.equal(await read(token), 200);
    assert.equal(it.asked('token'), 1);
  });

  test('a failure is not kept', async () => {
    const token = await it.stranger('reader');
    it.simulator.setFault('token', { entraError: { code: 65001 }, times: 1 });
    assert.equal(await read(token), 403);
    assert.equal(await read(token), 200);
  });

  test('each assertion has its own token, also of one user', async () => {
    const oid = crypto.randomUUID();
    const first = await it.simulator.token('reader', { oid });
    const second = await it.simulator.token('reader', { oid });
    assert.equal(await read(first), 200);
    assert.equal(await read(second), 200);
    assert.equal(await read(first), 200);
    assert.equal(it.asked('token'), 2);
  });

  test('a disconnect exchanges again, before and after reads, and at the same time as others', async () => {
    const token = await it.stranger('admin');
    assert.equal(await read(token), 200);
    await Promise.all(Array.from({ length: 5 }, () => it.disconnect({ token })));
    assert.equal(await read(token), 200);
    assert.equal(it.asked('token'), 6);
  });

  test('a Graph token that is about to expire is not kept', async () => {
    it.simulator.setGraphTokenLifetime(59);
    const token = await it.stranger('reader');
    assert.equal(await read(token), 200);
    assert.equal(await read(token), 200);
    assert.equal(it.asked('token'), 2);
  });

  test('nor one whose assertion is about to expire', async () => {
    const token = await it.simulator.token('reader', { oid: crypto.randomUUID(), expiresIn: 50 });
    assert.equal(await read(token), 200);
    assert.equal(await read(token), 200);
    assert.equal(it.asked('token'), 2);
  });

  test('the cache holds no more than its size, and the metric says how many', async () => {
    const small = await it.start({ environment: { EXCHANGE_CACHE_SIZE: '5' } });
    for (let reader = 0; reader < 12; reader += 1) {
      const { status } = await it.readConnection({ on: small, token: await it.stranger('reader') });
      assert.equal(status, 200);
    }
    assert.equal(await small.metric('chromeos_bff_token_exchange_cache_entries'), 5);
  });
});

describe('an Entra of another make', () => {
  let entra: MintingEntra;
  let there: TestService;
  beforeEach(async () => {
    entra = await startMintingEntra(it.simulator, { v1: false });
    there = await it.start({ environment: { AZURE_AUTHORITY_HOST: `${entra.url}/` } });
  });
  afterEach(() => entra?.close());

  test('that has only v2.0 documents: its tokens are accepted and exchanged', async () => {
    const token = entra.mint.token();
    assert.equal((await it.get('/api/v1/me', { on: there, token })).status, 200);
    const response = await it.disconnect({ on: there, token });
    // Its Graph token means nothing to the simulator's Graph, and so the exchange is proven.
    assert.equal(response.body.code, 'graph_token_rejected');
    assert.equal(entra.forms.length, 1);
  });

  test('that gives no expiry, an id token that is none, or a token type of its own', async () => {
    const bodies: unknown[] = [
      { access_token: 'graph-token' },
      { access_token: 'graph-token', token_type: 'Bearer', expires_in: 'soon', id_token: 'x.y.z' },
      { access_token: 'graph-token', token_type: 'pop', expires_in: -5, client_info: '!' },
      { access_token: '' },
      { access_token: 5 },
      [],
    ];
    // All at once: what cannot be read is asked for again, after a second and more.
    const byToken = new Map(
      bodies.map((body) => [entra.mint.token({ claims: { oid: crypto.randomUUID() } }), body]),
    );
    entra.answer = (form) => ({ body: byToken.get(form.get('assertion') ?? '') });
    await Promise.all(
      [...byToken].map(async ([token, answered]) => {
        const { status, body } = await it.disconnect({ on: there, token });
        assert.ok([401, 503].includes(status), JSON.stringify([answered, body]));
      }),
    );
    assert.deepEqual(new Set(entra.forms.map((form) => form.get('assertion'))), new Set(byToken.keys()));
  });
});
