import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entraRefusals, type Remedy } from '../support/entra-refusals.ts';
import { scene } from '../support/scene.ts';

const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';

/** Status and code of our answers. */
const answers: Record<Remedy, readonly [status: number, ...codes: string[]]> = {
  sign_in_with_claims: [401, 'insufficient_claims'],
  sign_in: [401, 'invalid_token'],
  blocked: [403, 'access_blocked'],
  administrator: [403, 'consent_required', 'tenant_setup_required'],
  our_credential: [500, 'credential_rejected'],
  our_setup: [500, 'exchange_misconfigured'],
  wait: [503, 'identity_unavailable', 'identity_throttled'],
};

type Refusal = {
  code: number | null;
  error: string;
  suberror?: string | null;
  claims?: unknown;
  status?: number;
};

describe('what Entra ID refuses, a caller hears', () => {
  const it = scene();

  async function answerTo({ code, error, suberror, claims: demanded, status = 400 }: Refusal) {
    it.simulator.setFault('token', {
      status,
      // Beyond the deadline: these are about the answer, not about trying again.
      retryAfter: '60',
      body: JSON.stringify({
        error,
        error_description: `AADSTS${code}: Words about ada.admin@contoso.example.`,
        error_codes: code === null ? [] : [code],
        trace_id: '0d5c2c5e-0000-4000-8000-000000000000',
        ...(suberror && { suberror }),
        ...(demanded !== undefined && { claims: demanded }),
      }),
    });
    const response = await it.disconnect({ token: { oid: crypto.randomUUID() } });
    assert.doesNotMatch(JSON.stringify(response.body), /Words about|0d5c2c5e/);
    assert.equal(it.asked('disconnect'), 0);
    return response;
  }
  const told = async (refusal: Refusal) => {
    const { status, body } = await answerTo(refusal);
    return [status, body.code];
  };

  for (const [code, error, suberror, remedy] of entraRefusals) {
    test(`AADSTS${code}, ${error}${suberror === null ? '' : `, ${suberror}`}: ${remedy}`, async () => {
      const withClaims = remedy === 'sign_in_with_claims';
      const response = await answerTo({ code, error, suberror, ...(withClaims && { claims }) });
      const [status, ...codes] = answers[remedy];
      assert.equal(response.status, status, JSON.stringify(response.body));
      assert.ok(codes.includes(response.body.code), response.body.code);
      if (remedy === 'administrator') {
        const hint = String(response.body.consentUrl ?? response.body.detail);
        assert.match(hint, /adminconsent\?client_id=|licence|disabled/);
      }
      if (withClaims) {
        const challenge = String(response.headers['www-authenticate']);
        assert.ok(challenge.includes(`claims="${Buffer.from(claims).toString('base64')}"`));
      }
    });

    if (remedy === 'sign_in_with_claims') {
      test(`AADSTS${code}, ${error}, without its claims: sign in again`, async () => {
        assert.deepEqual(await told({ code, error, suberror }), [401, 'invalid_token']);
      });
    }
  }

  // Codes grow: the class decides for those that nobody listed, and where there is none.
  const classes: [error: string, suberror: string | null, status: number, code: string][] = [
    ['invalid_grant', null, 401, 'invalid_token'],
    ['invalid_grant', 'bad_token', 401, 'invalid_token'],
    ['invalid_grant', 'token_expired', 401, 'invalid_token'],
    ['invalid_grant', 'user_password_expired', 401, 'invalid_token'],
    ['invalid_grant', 'client_mismatch', 401, 'invalid_token'],
    ['invalid_grant', 'device_authentication_failed', 401, 'invalid_token'],
    ['invalid_grant', 'never_heard_of', 401, 'invalid_token'],
    ['invalid_grant', 'consent_required', 403, 'consent_required'],
    ['invalid_grant', 'message_only', 403, 'access_blocked'],
    ['invalid_grant', 'protection_policy_required', 403, 'access_blocked'],
    ['interaction_required', null, 401, 'invalid_token'],
    ['interaction_required', 'basic_action', 401, 'invalid_token'],
    ['interaction_required', 'additional_action', 401, 'invalid_token'],
    ['interaction_required', 'consent_required', 403, 'consent_required'],
    ['login_required', null, 401, 'invalid_token'],
    ['consent_required', null, 403, 'consent_required'],
    ['access_denied', null, 403, 'access_blocked'],
    ['invalid_client', null, 500, 'credential_rejected'],
    ['unauthorized_client', null, 403, 'tenant_setup_required'],
    ['invalid_resource', null, 403, 'tenant_setup_required'],
    ['invalid_request', null, 500, 'exchange_misconfigured'],
    ['invalid_scope', null, 500, 'exchange_misconfigured'],
    ['unsupported_grant_type', null, 500, 'exchange_misconfigured'],
    ['server_error', null, 503, 'identity_unavailable'],
    ['temporarily_unavailable', null, 503, 'identity_unavailable'],
    ['never_heard_of', null, 403, 'exchange_refused'],
  ];
  for (const [error, suberror, status, code] of classes) {
    test(`${error}${suberror === null ? '' : `, ${suberror}`}, with no code of note: ${code}`, async () => {
      for (const unlisted of [9_999_999, null]) {
        assert.deepEqual(await told({ code: unlisted, error, suberror }), [status, code]);
      }
    });
  }

  test('the status decides over the class: too many, and a fault of Entra’s', async () => {
    const refusal = { code: 9_999_999, error: 'invalid_grant', suberror: 'message_only' };
    assert.deepEqual(await told({ ...refusal, status: 429 }), [503, 'identity_throttled']);
    assert.deepEqual(await told({ ...refusal, status: 500 }), [503, 'identity_unavailable']);
    assert.deepEqual(await told({ ...refusal, status: 401 }), [403, 'access_blocked']);
  });

  test('claims are carried in whatever they came, and only claims', async () => {
    const object = JSON.parse(claims);
    for (const given of [claims, object]) {
      const { status, headers } = await answerTo({ code: 1, error: 'invalid_client', claims: given });
      assert.equal(status, 401);
      const [, carried = ''] = /claims="([^"]+)"/.exec(String(headers['www-authenticate'])) ?? [];
      assert.deepEqual(JSON.parse(Buffer.from(carried, 'base64').toString()), object);
    }
    for (const given of ['[]', 'null', '"; evil="', 5, null, []]) {
      assert.deepEqual(await told({ code: 1, error: 'interaction_required', claims: given }), [
        401,
        'invalid_token',
      ]);
    }
  });
});
