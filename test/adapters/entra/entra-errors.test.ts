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

  const classes: [error: string, suberror: string | undefined, reason: string][] = [
    ['invalid_grant', undefined, 'assertion_rejected'],
    ['invalid_grant', 'consent_required', 'consent_required'],
    ['never_heard_of', 'bad_token', 'assertion_rejected'],
    ['never_heard_of', 'token_expired', 'assertion_rejected'],
    ['never_heard_of', 'user_password_expired', 'assertion_rejected'],
    ['never_heard_of', 'basic_action', 'assertion_rejected'],
    ['never_heard_of', 'additional_action', 'assertion_rejected'],
    ['never_heard_of', 'client_mismatch', 'assertion_rejected'],
    ['never_heard_of', 'device_authentication_failed', 'assertion_rejected'],
    ['invalid_grant', 'message_only', 'access_blocked'],
    ['invalid_grant', 'protection_policy_required', 'access_blocked'],
    ['interaction_required', undefined, 'assertion_rejected'],
    ['login_required', undefined, 'assertion_rejected'],
    ['consent_required', undefined, 'consent_required'],
    ['access_denied', undefined, 'access_blocked'],
    ['invalid_client', undefined, 'credential_rejected'],
    ['unauthorized_client', undefined, 'tenant_setup_required'],
    ['invalid_resource', undefined, 'tenant_setup_required'],
    ['invalid_request', undefined, 'exchange_misconfigured'],
    ['invalid_scope', undefined, 'exchange_misconfigured'],
    ['unsupported_grant_type', undefined, 'exchange_misconfigured'],
    ['temporarily_unavailable', 'bad_token', 'identity_unavailable'],
    ['server_error', 'bad_token', 'identity_unavailable'],
    ['never_heard_of', 'never_heard_of', 'exchange_refused'],
  ];
  for (const [error, suberror, reason] of classes) {
    test(`${error} ${suberror ?? ''}, with a code that nobody listed or none: ${reason}`, () => {
      assert.equal(failureOf({ body: { error, suberror, error_codes: [9_999_999] } }).reason, reason);
      assert.equal(failureOf({ body: { error, suberror } }).reason, reason);
    });
  }

  test('the first listed code counts, and else the first', () => {
    const codesIn = (error_codes: number[]) => failureOf({ body: { error: 'invalid_grant', error_codes } });
    assert.deepEqual(codesIn([70002, 50057, 50013]), { reason: 'access_blocked', entraCode: 50057 });
    assert.deepEqual(codesIn([9_999_998, 9_999_999]), {
      reason: 'assertion_rejected',
      entraCode: 9_999_998,
      tenantId: 'tenant',
    });
    assert.deepEqual(codesIn([7000112]), {
      reason: 'tenant_setup_required',
      entraCode: 7000112,
      missing: 'enabled_application',
    });
  });

  test('the status decides where no code does', () => {
    const body = { error: 'invalid_grant', suberror: 'message_only', error_codes: [9_999_999] };
    assert.equal(failureOf({ status: 429, body }).reason, 'identity_throttled');
    assert.equal(failureOf({ status: 499, body }).reason, 'access_blocked');
    const unavailable = failureOf({ status: 500, body });
    assert.equal(unavailable.reason, 'identity_unavailable');
    assert.equal('cause' in unavailable && unavailable.cause, 'token endpoint answered 500 AADSTS9999999');
    const html = failureOf({ status: 502, body: '<html>' });
    assert.equal('cause' in html && html.cause, 'token endpoint answered 502 without an OAuth error');
    const codeless = failureOf({ status: 503, body: { error: 'x' } });
    assert.equal('cause' in codeless && codeless.cause, 'token endpoint answered 503 AADSTS without a code');
  });

  test('claims that are no object are none', () => {
    for (const claims of ['x', '[]', '5', 5, null]) {
      assert.equal(failureOf({ body: { error: 'invalid_grant', claims } }).reason, 'assertion_rejected');
    }
  });

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
    for (const body of [{}, { error: 'invalid_request', error_codes: [90055] }]) {
      test(`a wait of ${retryAfterMs} ms is kept, with ${JSON.stringify(body)}`, () => {
        const failure = failureOf({ status: 429, body, ...(retryAfterMs !== null && { retryAfterMs }) });
        assert.deepEqual(failure, { reason: 'identity_throttled', retryAfterMs });
      });
    }
  }

  test('a suberror that is no text says nothing, and hides nothing', () => {
    const body = { error: 'invalid_scope', suberror: 5 };
    assert.equal(failureOf({ body }).reason, 'exchange_misconfigured');
  });

  for (const body of ['', '[]', 'null', '"x"', '<html>', { error: 5 }, { error_codes: [50013] }]) {
    test(`${JSON.stringify(body)} is no OAuth error: Entra is not to be had`, () => {
      assert.equal(failureOf({ body }).reason, 'identity_unavailable');
    });
  }
});
