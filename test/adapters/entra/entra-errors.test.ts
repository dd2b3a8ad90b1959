import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { entraCodes, entraTraceOf, failureFromEntra } from '../../../src/adapters/entra/entra-errors.ts';
import { entraRefusals, type Remedy } from '../../support/entra-refusals.ts';

const answers: Record<keyof typeof entraCodes, string> = {
  assertion_rejected: '401 `invalid_token`',
  consent_required: '403 `consent_required`',
  tenant_setup_required: '403 `tenant_setup_required`',
  access_blocked: '403 `access_blocked`',
  exchange_misconfigured: '500 `exchange_misconfigured`',
  credential_rejected: '500 `credential_rejected`',
  identity_throttled: '503 `identity_throttled`',
  identity_unavailable: '503 `identity_unavailable`',
};

// What the answers are over HTTP is tested in test/e2e/identity-exchange.test.ts.
describe('docs/entra-errors.md', () => {
  test('has the same table as the code', async () => {
    const page = await readFile(new URL('../../../docs/entra-errors.md', import.meta.url), 'utf8');
    const documented = [...page.matchAll(/^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(
      ([, code, , answer]) => `${code} ${answer}`,
    );
    const inCode = Object.entries(entraCodes).flatMap(([meaning, codes]) =>
      codes.map((code) => `${code} ${answers[meaning as keyof typeof entraCodes]}`),
    );
    assert.deepEqual(documented.toSorted(), inCode.toSorted());
    assert.equal(new Set(documented).size, documented.length);
  });
});

describe('a refusal of Entra’s', () => {
  const failureOf = (answer: { status?: number; body: unknown; retryAfterMs?: number }) =>
    failureFromEntra({
      status: answer.status ?? 400,
      text: typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body),
      retryAfterMs: answer.retryAfterMs ?? null,
      tenantId: 'tenant',
      authorityHost: 'https://login.example',
      clientId: 'client',
    });

  const reasons: Record<Remedy, readonly string[]> = {
    sign_in_with_claims: ['assertion_rejected'],
    sign_in: ['assertion_rejected'],
    blocked: ['access_blocked'],
    administrator: ['consent_required', 'tenant_setup_required'],
    our_credential: ['credential_rejected'],
    our_setup: ['exchange_misconfigured'],
    wait: ['identity_unavailable', 'identity_throttled'],
  };
  for (const [code, error, suberror, remedy] of entraRefusals) {
    test(`AADSTS${code} is for ${remedy}`, () => {
      const { reason } = failureOf({ body: { error, error_codes: [code], ...(suberror && { suberror }) } });
      assert.ok(reasons[remedy].includes(reason), reason);
    });
  }

  test('what is missing in a tenant is told from its code', () => {
    const missing = (code: number) => {
      const failure = failureOf({ body: { error: 'unauthorized_client', error_codes: [code] } });
      return failure.reason === 'tenant_setup_required' && failure.missing;
    };
    assert.deepEqual([650052, 500011, 7000112, 1].map(missing), [
      'licence',
      'licence',
      'enabled_application',
      'unknown',
    ]);
  });

  test('claims come before all else, as text or as an object', () => {
    for (const claims of ['{"access_token":{}}', { access_token: {} }]) {
      const failure = failureOf({ status: 503, body: { error: 'x', error_codes: [7000222], claims } });
      assert.deepEqual(failure, {
        reason: 'claims_required',
        claims: '{"access_token":{}}',
        tenantId: 'tenant',
      });
    }
  });

  test('what goes into the log is ids and words, and nothing else', () => {
    const body = {
      error: 'invalid_grant',
      suberror: 'bad token of ada',
      error_codes: [50013],
      trace_id: '0d5c2c5e-0000-4000-8000-000000000000',
      correlation_id: 'x'.repeat(65),
    };
    assert.deepEqual(entraTraceOf(JSON.stringify(body)), {
      entraTraceId: body.trace_id,
      entraCorrelationId: null,
      entraError: 'invalid_grant',
      entraSuberror: null,
      entraCodes: [50013],
    });
    for (const text of ['<html>', '[]', '{"error_codes":"x"}']) {
      assert.deepEqual(entraTraceOf(text), {
        entraTraceId: null,
        entraCorrelationId: null,
        entraError: null,
        entraSuberror: null,
        entraCodes: [],
      });
    }
  });

  test('no code means two things', () => {
    const codes = Object.values(entraCodes).flat();
    assert.equal(new Set(codes).size, codes.length);
  });

  test('a known code decides over the status', () => {
    const failure = failureOf({ status: 503, body: { error: 'invalid_client', error_codes: [7000222] } });
    assert.deepEqual(failure, { reason: 'credential_rejected', entraCode: 7000222 });
  });

  test('the consent link names tenant and client', () => {
    const failure = failureOf({ body: { error: 'invalid_grant', error_codes: [65001] } });
    assert.deepEqual(failure, {
      reason: 'consent_required',
      entraCode: 65001,
      consentUrl: 'https://login.example/tenant/adminconsent?client_id=client',
    });
  });

  for (const retryAfterMs of [120_000, null]) {
    test(`a wait of ${retryAfterMs} ms is kept`, () => {
      const failure = failureOf({ status: 429, body: {}, ...(retryAfterMs !== null && { retryAfterMs }) });
      assert.deepEqual(failure, { reason: 'identity_throttled', retryAfterMs });
    });
  }

  for (const body of ['', '[]', 'null', '"x"', '<html>', { error: 5 }, { error_codes: [50013] }]) {
    test(`${JSON.stringify(body)} is no OAuth error: Entra is not to be had`, () => {
      assert.equal(failureOf({ body }).reason, 'identity_unavailable');
    });
  }
});
