import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fault } from '../../simulator/simulator.ts';
import { scene } from '../support/scene.ts';
import { disconnectPath } from '../support/service.ts';

type Expected = {
  status: number;
  code: string;
  result: 'failed' | 'unknown' | 'refused';
  retryAfter?: string;
  challenge?: RegExp;
};

const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
const claims64 = Buffer.from(claims).toString('base64');
const html = { contentType: 'text/html', body: '<html>Bad Gateway http://internal.example/secret</html>' };

// What Graph does with the act, and what that means for the caller and the record.
const table: [string, Fault, Expected][] = [
  [
    '401 with claims',
    { claimsChallenge: claims },
    {
      status: 401,
      code: 'insufficient_claims',
      result: 'failed',
      challenge: new RegExp(`error="insufficient_claims", claims="${claims64}"`),
    },
  ],
  [
    '401 without claims',
    { graphError: { status: 401, code: 'InvalidAuthenticationToken' } },
    { status: 401, code: 'graph_token_rejected', result: 'failed', challenge: /error="invalid_token"/ },
  ],
  [
    '403',
    { graphError: { status: 403, code: 'Forbidden', intuneNested: true } },
    { status: 403, code: 'graph_forbidden', result: 'failed' },
  ],
  [
    '404',
    { graphError: { status: 404, code: 'ResourceNotFound' } },
    { status: 409, code: 'graph_not_found', result: 'failed' },
  ],
  [
    '409',
    { graphError: { status: 409, code: 'Conflict' } },
    { status: 409, code: 'graph_conflict', result: 'failed' },
  ],
  [
    '400',
    { graphError: { status: 400, code: 'BadRequest', intuneNested: true } },
    { status: 422, code: 'graph_rejected', result: 'failed' },
  ],
  [
    '429 for longer than the deadline',
    { graphError: { status: 429, code: 'TooManyRequests' }, retryAfter: '120' },
    { status: 429, code: 'graph_throttled', result: 'failed', retryAfter: '120' },
  ],
  [
    '503 with Retry-After',
    { status: 503, retryAfter: '120', ...html },
    { status: 503, code: 'graph_unavailable', result: 'failed', retryAfter: '120' },
  ],
  [
    '503 without Retry-After',
    { status: 503, ...html },
    { status: 502, code: 'outcome_unknown', result: 'unknown' },
  ],
  [
    '500',
    { graphError: { status: 500, code: 'InternalServerError' } },
    { status: 502, code: 'outcome_unknown', result: 'unknown' },
  ],
  ['502 in HTML', { status: 502, ...html }, { status: 502, code: 'outcome_unknown', result: 'unknown' }],
  [
    '504',
    { status: 504, retryAfter: '1', ...html },
    { status: 502, code: 'outcome_unknown', result: 'unknown' },
  ],
  ['408', { status: 408, ...html }, { status: 502, code: 'outcome_unknown', result: 'unknown' }],
  [
    'a redirect',
    { status: 302, headers: { location: 'https://elsewhere.example/' }, body: '' },
    { status: 502, code: 'outcome_unknown', result: 'unknown' },
  ],
  ['204', { status: 204, body: '' }, { status: 502, code: 'outcome_unknown', result: 'unknown' }],
  [
    '202 with a status',
    { status: 202, body: '{"value":"inprogress"}', contentType: 'application/json' },
    { status: 502, code: 'outcome_unknown', result: 'unknown' },
  ],
  [
    'an HTML page with 200',
    { status: 200, ...html },
    { status: 502, code: 'outcome_unknown', result: 'unknown' },
  ],
  [
    '200 with another shape',
    { status: 200, body: '{"value":1}', contentType: 'application/json' },
    { status: 502, code: 'outcome_unknown', result: 'unknown' },
  ],
  ['half an answer', { malformed: true }, { status: 502, code: 'outcome_unknown', result: 'unknown' }],
  ['a reset', { reset: true }, { status: 502, code: 'outcome_unknown', result: 'unknown' }],
  ['silence', { hang: true }, { status: 502, code: 'outcome_unknown', result: 'unknown' }],
];

describe('what Graph can do with a disconnect', () => {
  const it = scene();

  for (const [name, fault, expected] of table) {
    test(`${name}: ${expected.status} ${expected.code}`, async () => {
      it.simulator.setFault('disconnect', fault);
      const before = await it.service.metric('chromeos_bff_disconnects_total', { outcome: expected.result });
      const response = await it.disconnect();

      assert.deepEqual([response.status, response.body.code], [expected.status, expected.code]);
      assert.equal(response.body.status, expected.status);
      assert.equal(response.body.error.code, expected.code);
      assert.equal(response.headers['retry-after'], expected.retryAfter);
      if (expected.challenge) assert.match(String(response.headers['www-authenticate']), expected.challenge);
      // Nothing of Graph's own words, and no internal address, reaches the caller.
      assert.doesNotMatch(JSON.stringify(response.body), /internal|html|Activity ID|https?:/i);

      assert.equal(it.asked('disconnect'), 1);
      const events = await it.eventsOfCall(response);
      assert.deepEqual(
        events.map(({ event, result }) => [event, result]),
        [
          ['attempt', 'pending'],
          ['outcome', expected.result],
        ],
      );
      assert.equal(
        await it.service.metric('chromeos_bff_disconnects_total', { outcome: expected.result }),
        before + 1,
      );
    });
  }

  test('nobody there: 503, and it is certain that nothing was sent', async () => {
    const on = await it.start({ environment: { GRAPH_BASE_URL: 'https://localhost:1/beta' } });
    const response = await it.disconnect({ on });
    assert.deepEqual([response.status, response.body.code], [503, 'graph_unavailable']);
  });

  test('the body is labelled as the caller can read it', async () => {
    const typeFor = async (headers: Record<string, string>) => {
      it.simulator.setFault('disconnect', { graphError: { status: 403, code: 'Forbidden' } });
      const response = await it.disconnect({ headers });
      return response.headers['content-type'];
    };
    assert.equal(await typeFor({}), 'application/problem+json');
    assert.equal(await typeFor({ accept: '*/*' }), 'application/problem+json');
    assert.equal(await typeFor({ accept: 'application/json' }), 'application/json');
    assert.equal(
      await typeFor({ accept: 'application/json, application/problem+json' }),
      'application/problem+json',
    );
    assert.equal(await typeFor({ sdkversion: 'graph-js/3.0.7' }), 'application/json');
  });

  test('addresses and methods that are not there', async () => {
    const nowhere = await it.service.api.get('/api/v1/nowhere').expect(404);
    assert.equal(nowhere.body.code, 'not_found');
    await it.service.api.get('/api/v1/%E0%A4%A').expect(404);
    const wrong = await it.service.api.get(disconnectPath).expect(405);
    assert.equal(wrong.headers.allow, 'POST, OPTIONS');
    assert.equal(wrong.body.code, 'method_not_allowed');
    assert.equal(wrong.body.error.innerError['client-request-id'], wrong.headers['client-request-id']);
    const options = await it.service.api.options(disconnectPath).expect(204);
    assert.equal(options.headers.allow, 'POST, OPTIONS');
    for (const path of ['/livez', '/readyz', '/metrics']) await it.service.api.get(path).expect(404);
  });
});
