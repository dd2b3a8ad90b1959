import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { failureFromGraph, traceOf } from '../../../src/adapters/graph/graph-answer.ts';

const now = Date.UTC(2026, 0, 31, 12);
const nothing = { code: null, requestId: null, date: null };

type Given = { status: number; text?: string; headers?: Record<string, string> };
const failureOf = ({ status, text = '', headers = {} }: Given, sideEffect = true) =>
  failureFromGraph({ status, text, headers }, 'tenant', { sideEffect, now });

/** All statuses that are no success and not told apart by more than themselves. */
const statuses = Array.from({ length: 600 }, (_, status) => status).filter((status) => status >= 201);
/** RFC 9110 15.5 and RFC 6585: the server says that it did not do it. */
const refusing = [
  400, 402, 405, 406, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 426, 428, 431, 451,
];
const ownReason: Record<number, string> = {
  401: 'graph_token_rejected',
  403: 'graph_forbidden',
  404: 'graph_not_found',
  409: 'graph_conflict',
  429: 'graph_throttled',
};

describe('an answer of Graph’s that is no success', () => {
  test('to an act: done, not done, or nobody knows, by its status alone', () => {
    for (const status of statuses) {
      const expected =
        ownReason[status] ?? (refusing.includes(status) ? 'graph_rejected' : 'outcome_unknown');
      assert.equal(failureOf({ status }).reason, expected, String(status));
    }
  });

  test('to a read: nothing was done in any case', () => {
    for (const status of statuses) {
      const rejected = status >= 400 && status < 500;
      const expected = ownReason[status] ?? (rejected ? 'graph_rejected' : 'graph_unavailable');
      assert.equal(failureOf({ status }, false).reason, expected, String(status));
    }
  });

  test('can be traced, whatever it is', () => {
    const headers = { 'request-id': 'their-id', 'retry-after': '7' };
    for (const status of statuses) {
      for (const sideEffect of [true, false]) {
        const failure = failureOf({ status, headers }, sideEffect);
        assert.deepEqual('graph' in failure && failure.graph, { status, ...nothing, requestId: 'their-id' });
      }
    }
  });

  test('tells which tenant’s sign-in was not accepted', () => {
    const graph = { status: 401, ...nothing };
    assert.deepEqual(failureOf({ status: 401 }), {
      reason: 'graph_token_rejected',
      graph,
      tenantId: 'tenant',
    });
  });

  const waits: [number, string | undefined, string, number | null][] = [
    [429, undefined, 'graph_throttled', null],
    [429, 'soon', 'graph_throttled', null],
    [429, '0', 'graph_throttled', 0],
    [429, '2.5', 'graph_throttled', 2500],
    [503, '0,120', 'graph_unavailable', 120_000],
    [503, 'Sat, 31 Jan 2026 12:00:30 GMT', 'graph_unavailable', 30_000],
    // Only a time that can be read says that nothing was taken on.
    [503, 'soon', 'outcome_unknown', null],
    [504, '1', 'outcome_unknown', null],
    [500, '1', 'outcome_unknown', null],
  ];
  for (const [status, retryAfter, reason, waitMs] of waits) {
    test(`${status} with Retry-After ${retryAfter}: ${reason}`, () => {
      const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
      const failure = failureOf({ status, headers });
      assert.deepEqual(
        [failure.reason, 'retryAfterMs' in failure ? failure.retryAfterMs : null],
        [reason, waitMs],
      );
    });
  }

  test('says for the log what came', () => {
    for (const [status, sideEffect] of [
      [500, true],
      [500, false],
    ] as const) {
      const failure = failureOf({ status }, sideEffect);
      assert.equal('cause' in failure && failure.cause, 'Graph answered 500');
    }
    const failure = failureOf({ status: 500 });
    assert.equal(failure.reason === 'outcome_unknown' && failure.operationId, null);
  });
});

describe('a claims challenge', () => {
  const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
  const base64 = Buffer.from(claims).toString('base64');
  const claimed: [string, string][] = [
    [
      'as Microsoft writes it',
      `Bearer realm="", authorization_uri="https://x", error="insufficient_claims", claims="${base64}"`,
    ],
    ['unquoted', `Bearer authorization_uri=https://x, claims=${base64}`],
    ['with blanks and capitals', `Bearer CLAIMS = "${base64}"`],
    ['first of all', `claims="${base64}"`],
    ['behind one that is none', `Bearer claims="bm9uZQ==", Bearer claims="${base64}"`],
    ['behind a comma alone', `Bearer error="x",claims="${base64}"`],
  ];
  for (const [name, header] of claimed) {
    test(`${name} is passed on`, () => {
      assert.deepEqual(failureOf({ status: 401, headers: { 'www-authenticate': header } }), {
        reason: 'claims_required',
        claims,
        tenantId: 'tenant',
      });
    });
  }

  for (const header of [
    'Bearer',
    'Bearer claims=""',
    'Bearer claims="bm9uZQ=="',
    `Bearer noclaims="${base64}"`,
  ]) {
    test(`'${header.slice(0, 30)}' is none`, () => {
      const failure = failureOf({ status: 401, headers: { 'www-authenticate': header } });
      assert.equal(failure.reason, 'graph_token_rejected');
    });
  }
});

describe('what is kept of an answer of Graph’s', () => {
  const error = (members: object) => JSON.stringify({ error: { message: 'Secret words', ...members } });
  const innerError = { 'request-id': 'inner', date: '2026-01-31T12:00:00' };

  test('comes from its headers first, then from its error', () => {
    const text = error({ code: 'Forbidden', innerError });
    assert.deepEqual(traceOf({ status: 403, headers: {}, text }), {
      status: 403,
      code: 'Forbidden',
      requestId: 'inner',
      date: '2026-01-31T12:00:00',
    });
    const headers = { 'request-id': 'outer', date: 'Sat, 31 Jan 2026 12:00:00 GMT' };
    assert.deepEqual(traceOf({ status: 403, headers, text }), {
      status: 403,
      code: 'Forbidden',
      requestId: 'outer',
      date: 'Sat, 31 Jan 2026 12:00:00 GMT',
    });
  });

  test('a success has no error to look for', () => {
    assert.deepEqual(traceOf({ status: 200, headers: {}, text: error({ code: 'x' }) }), {
      status: 200,
      ...nothing,
    });
  });

  for (const text of [
    '',
    '<html>',
    '[]',
    '{"error":"x"}',
    '{"error":{"code":5}}',
    '{"error":{"innerError":[]}}',
    '{"error":{"innerError":{"request-id":5}}}',
    '{"error":{"innerError":{"date":5}}}',
  ]) {
    test(`${text} is no error of Graph’s`, () => {
      assert.deepEqual(traceOf({ status: 500, headers: {}, text }), { status: 500, ...nothing });
    });
  }

  test('an error without a code may still be traced, and the other way round', () => {
    assert.equal(traceOf({ status: 500, headers: {}, text: error({ innerError }) }).requestId, 'inner');
    assert.equal(traceOf({ status: 500, headers: {}, text: error({ code: 'x', innerError: {} }) }).code, 'x');
  });

  // It goes on into headers, bodies, the log and the record.
  const unsafe = [
    '<b>',
    'a\r\nx: y',
    'a"b',
    "a'b",
    'é',
    '\u0000',
    '',
    'x'.repeat(129),
    'a{b}',
    'a\\b',
    'a=b',
  ];
  for (const value of unsafe) {
    test(`${JSON.stringify(value.slice(0, 9))} is not passed on`, () => {
      const text = error({ code: value, innerError: { 'request-id': value, date: value } });
      assert.deepEqual(traceOf({ status: 500, headers: {}, text }), { status: 500, ...nothing });
      assert.equal(traceOf({ status: 500, headers: { 'request-id': value }, text: '' }).requestId, null);
    });
  }

  test('what is passed on is short, printable and without markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (value) => {
        const { code } = traceOf({ status: 500, headers: {}, text: error({ code: value }) });
        assert.ok(code === null || /^[\w .,:;+/-]{1,128}$/.test(code));
      }),
    );
    const longest = 'x'.repeat(128);
    assert.equal(traceOf({ status: 500, headers: {}, text: error({ code: longest }) }).code, longest);
  });
});
