import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClientCredential } from '../../../src/adapters/entra/client-credential.ts';
import type { FailedTry } from '../../../src/adapters/entra/token-exchange.ts';
import {
  type OutboundAnswer,
  type OutboundRequest,
  RequestFailed,
} from '../../../src/adapters/outbound/http-client.ts';
import type { CallFailed, Failure } from '../../../src/core/failure.ts';
import { exchangeOver, granted, requestId, tenantId } from './exchanges.ts';

const clientId = '66666666-7777-4888-8999-aaaaaaaaaaaa';

describe('a request for a token', () => {
  test('says what the on-behalf-of flow asks for, where the tenant’s metadata says', async () => {
    const requests: OutboundRequest[] = [];
    await exchangeOver({
      send: async (request) => {
        requests.push(request);
        return granted('graph token');
      },
    })('the assertion');
    const [request] = requests;
    assert.equal(requests.length, 1);
    assert.deepEqual(
      [
        request?.method,
        request?.url,
        request?.headers.accept,
        request?.headers['client-request-id'],
        request?.headers['Content-Type'],
        request?.repeatable,
      ],
      [
        'POST',
        `https://login.example/${tenantId}/oauth2/v2.0/token?client-request-id=${requestId}`,
        'application/json',
        requestId,
        'application/x-www-form-urlencoded;charset=utf-8',
        undefined,
      ],
    );
    const { claims = '', scope, ...form } = Object.fromEntries(new URLSearchParams(request?.body));
    for (const [name, value] of Object.entries({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      assertion: 'the assertion',
      client_id: clientId,
      client_secret: 'secret',
    })) {
      assert.equal(form[name], value, name);
    }
    assert.ok(scope?.split(' ').includes('https://graph.example/.default'));
    assert.deepEqual(JSON.parse(claims).access_token, { xms_cc: { values: ['cp1'] } });
  });

  test('gives the token and when it expires; one that says nonsense is not kept', async () => {
    const answer = { token_type: 'Bearer', access_token: 'graph token' };
    const expiry = async (body: object) => {
      const send = async () => ({ status: 200, headers: {}, text: JSON.stringify({ ...answer, ...body }) });
      const { token, expiresAt } = await exchangeOver({ send })('assertion');
      assert.equal(token.reveal(), 'graph token');
      return expiresAt;
    };
    // MSAL reckons it by a clock of its own.
    const [inAnHour, inTwo] = [await expiry({ expires_in: 3600 }), await expiry({ expires_in: 7200 })];
    assert.ok(Math.abs(inTwo - inAnHour - 3_600_000) < 60_000);
    for (const nonsense of [{}, { expires_in: 'soon' }]) {
      assert.ok((await expiry(nonsense)) < Date.now() + 60_000, 'too soon to be kept');
    }
  });

  /** What an exchange fails with, and how often it was tried. */
  async function failureOf(
    answer: Partial<OutboundAnswer> | Error,
    options: Partial<Parameters<typeof exchangeOver>[0]> = {},
  ): Promise<{ failure: Failure; tries: number; told: FailedTry[] }> {
    let tries = 0;
    const told: FailedTry[] = [];
    const send = async () => {
      tries += 1;
      if (answer instanceof Error) throw answer;
      return { status: 200, headers: {}, text: '', ...answer };
    };
    const exchanging = exchangeOver({
      send,
      // Less than the pause before another try: test/e2e/identity-retries.test.ts has those.
      deadlineMs: 400,
      onFailedTry: (one) => told.push(one),
      ...options,
    })('assertion');
    const error = await exchanging.then(
      () => assert.fail('it went well'),
      (thrown: CallFailed) => thrown,
    );
    return { failure: error.failure, tries, told };
  }
  const unavailable = (cause: string) => ({ reason: 'identity_unavailable', retryAfterMs: null, cause });
  const soon = { headers: { 'retry-after': '0' } };

  const failures: [string, Partial<OutboundAnswer> | Error, object, reported: boolean][] = [
    [
      'that nobody answers',
      new RequestFailed('sent', 'ECONNRESET'),
      unavailable('token endpoint: ECONNRESET'),
      true,
    ],
    [
      'answered without a token',
      { text: '{"access_token":""}' },
      unavailable('no access token in the answer'),
      false,
    ],
    [
      'answered by a page',
      { text: '<h1>' },
      unavailable('token endpoint answered 200 without an OAuth error'),
      true,
    ],
    [
      'whose token is a number',
      { text: '{"access_token":1}' },
      unavailable('token endpoint answered 200 without an OAuth error'),
      true,
    ],
    [
      'granted with a wrong status',
      { ...granted('x'), status: 201 },
      unavailable('token endpoint answered 201 without an OAuth error'),
      true,
    ],
    ['that is throttled', { status: 429, ...soon }, { reason: 'identity_throttled', retryAfterMs: 0 }, true],
    [
      'that is refused',
      { status: 400, text: '{"error":"invalid_grant"}', ...soon },
      { reason: 'assertion_rejected', entraCode: null, tenantId },
      true,
    ],
    [
      'for which consent lacks',
      { status: 400, text: '{"error":"invalid_grant","error_codes":[65001]}' },
      {
        reason: 'consent_required',
        entraCode: 65001,
        consentUrl: `https://login.example/${tenantId}/adminconsent?client_id=${clientId}`,
      },
      true,
    ],
  ];
  for (const [name, answer, failure, reported] of failures) {
    test(`${name} fails with its reason, and is told where there was an answer or none`, async () => {
      const found = await failureOf(answer);
      assert.deepEqual([found.failure, found.tries], [failure, 1]);
      assert.equal(found.told.length, reported ? 1 : 0);
      for (const one of found.told) {
        assert.deepEqual(
          [one.requestId, one.tenantId, one.reason],
          [requestId, tenantId, found.failure.reason],
        );
        assert.equal(one.status, answer instanceof Error ? null : (answer.status ?? 200));
      }
    });
  }

  test('waits as long as Entra ID asks by its date, by our clock', async () => {
    const clock = () => Date.parse('2026-01-01T00:00:00Z');
    const headers = { 'retry-after': 'Thu, 01 Jan 2026 00:02:00 GMT' };
    const { failure, tries } = await failureOf({ status: 503, headers }, { clock });
    assert.deepEqual(
      [failure, tries],
      [
        {
          reason: 'identity_unavailable',
          retryAfterMs: 120_000,
          cause: 'token endpoint answered 503 without an OAuth error',
        },
        1,
      ],
    );
  });

  test('is not made without a credential, nor held to be Entra’s fault', async () => {
    const rejected: unknown[][] = [];
    const credential = new ClientCredential(
      { federatedTokenFile: null, certificatePath: null, secretFile: null, secret: null },
      { clientId, clock: Date.now, onProblem: () => {} },
    );
    const onCredentialRejected = (...given: unknown[]) => rejected.push(given);
    const { failure, tries } = await failureOf({}, { credential, onCredentialRejected });
    assert.deepEqual(
      [failure, tries, rejected],
      [{ reason: 'credential_rejected', entraCode: null }, 0, [[null, null, { requestId, tenantId }]]],
    );
  });

  test('tells which credential was refused, with the code', async () => {
    const rejected: unknown[][] = [];
    const { failure, tries } = await failureOf(
      { status: 401, text: '{"error":"invalid_client","error_codes":[7000222]}' },
      { onCredentialRejected: (credential, ...told) => rejected.push([credential?.kind, ...told]) },
    );
    assert.deepEqual(
      [failure, tries, rejected],
      [
        { reason: 'credential_rejected', entraCode: 7000222 },
        1,
        [['secret', 7000222, { requestId, tenantId }]],
      ],
    );
  });

  test('that ends in a defect of ours fails with it, and not with a failure of Entra', async () => {
    const defect = new TypeError('a defect of ours');
    let tries = 0;
    const send = () => {
      tries += 1;
      return Promise.reject(defect);
    };
    await assert.rejects(exchangeOver({ send })('assertion'), defect);
    assert.equal(tries, 1);
  });

  test('has at least a millisecond, however little is left', async () => {
    const timeouts: number[] = [];
    const send = async ({ timeoutMs }: OutboundRequest) => {
      timeouts.push(timeoutMs);
      return granted('x');
    };
    await exchangeOver({ send }, { leftMs: () => 0.2 })('assertion');
    await exchangeOver({ send }, { leftMs: () => 60_000 })('assertion');
    assert.deepEqual(timeouts, [1, 5000]);
  });
});
