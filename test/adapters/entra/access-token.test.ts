import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bearerTokenIn, TokenRefused, takeBearerToken } from '../../../src/adapters/entra/access-token.ts';

// Attacks with tokens are tested over HTTP in test/e2e/identity-tokens.test.ts; here are the exact bounds.
const part = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const usualHeader = { typ: 'JWT', alg: 'RS256', kid: 'k1' };
const tid = '5A1E0000-7e4a-4000-8000-000000000001';
const authorization = (header: object | string = {}, payload: object | string = {}, signature = 'AAAA') => {
  const head = typeof header === 'string' ? header : { ...usualHeader, ...header };
  const body = typeof payload === 'string' ? payload : { tid, ...payload };
  return `Bearer ${part(head)}.${part(body)}.${signature}`;
};
const refused = (value: string, message: string | RegExp) =>
  assert.throws(
    () => takeBearerToken(value),
    (error) => {
      assert.ok(error instanceof TokenRefused);
      assert.equal(error.tenantId, null);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    },
  );

/** A value within so many lists. */
const within = (depth: number, open: string, close: string) => `${open.repeat(depth)}1${close.repeat(depth)}`;

describe('a bearer token', () => {
  test('is taken apart: whose keys to verify with', () => {
    assert.deepEqual(takeBearerToken(authorization()), { keyId: 'k1', tenantId: tid.toLowerCase() });
    assert.deepEqual(takeBearerToken(authorization({ x5t: 'x', kid: 'k'.repeat(256) })), {
      keyId: 'k'.repeat(256),
      tenantId: tid.toLowerCase(),
    });
    // The scheme's case does not matter (RFC 9110 11.1).
    assert.equal(takeBearerToken(authorization().replace('Bearer', 'bEARER')).keyId, 'k1');
    assert.equal(bearerTokenIn('bearer a.b.c').reveal(), 'a.b.c');
  });

  test('may be as large as 16 kB, and no larger', () => {
    const small = authorization({}, {}, '');
    const largest = small + 'A'.repeat(16 * 1024 - small.length);
    takeBearerToken(largest);
    refused(`${largest}A`, 'the token is larger than 16 kB');
  });

  for (const value of [
    '',
    'Bearer',
    ' Bearer a.b.c',
    'Bearer a.b.c ',
    'Bearer a.b',
    'Bearer a.b.c.d',
    'Bearer a..c',
    'Basic a.b.c',
  ]) {
    test(`is not ${JSON.stringify(value)}`, () => {
      refused(value, 'not a bearer token in compact serialization');
    });
  }

  const headers: [object, string][] = [
    ...['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'enc', 'zip', 'cty'].map((name): [object, string] => [
      { [name]: null },
      `the header has ${name}`,
    ]),
    [{ typ: 'jwt' }, "the header's typ is not Entra's"],
    [{ alg: 'none' }, "the header's alg is not Entra's"],
    [{ typ: 'at+jwt', alg: 'ES256' }, "the header's typ, alg is not Entra's"],
    [{ kid: 'k'.repeat(257) }, "the header's kid is not Entra's"],
    [{ kid: '' }, "the header's kid is not Entra's"],
  ];
  for (const [header, message] of headers) {
    test(`with ${JSON.stringify(header).slice(0, 30)} in its header is refused`, () => {
      refused(authorization(header), message);
    });
  }

  test('has one text for one value in each part', () => {
    // Trailing bits that are not zero, and a length that no bytes have.
    refused(authorization({}, {}, 'AB'), 'the signature is not canonical base64url');
    refused(authorization({}, {}, 'A'), 'the signature is not canonical base64url');
    refused(`Bearer AB.${part({ tid })}.AAAA`, 'the header is not canonical base64url');
    refused(`Bearer ${part(usualHeader)}.AB.AAAA`, 'the payload is not canonical base64url');
  });

  test('has a JSON object in both', () => {
    for (const [text, message] of [
      ['{', 'is not JSON in UTF-8'],
      ['null', 'is not a JSON object'],
      ['[]', 'is not a JSON object'],
      ['1', 'is not a JSON object'],
      [`\ufeff${JSON.stringify({ ...usualHeader, tid })}`, 'is not JSON in UTF-8'],
      ['{"a":1,"a":1}', 'has a key twice'],
      ['{"a":{"b":"\\"::","b":2}}', 'has a key twice'],
    ] as const) {
      refused(authorization(text), `the header ${message}`);
      refused(authorization({}, text), `the payload ${message}`);
    }
    refused(
      `Bearer ${part(usualHeader)}.${Buffer.of(0x22, 0xff, 0x22).toString('base64url')}.AAAA`,
      /UTF-8$/,
    );
  });

  test('nests 32 deep, and no deeper', () => {
    const payload = (value: string) => authorization({}, `{"tid":"${tid}","a":${value}}`);
    for (const [open, close] of [
      ['[', ']'],
      ['{"b":', '}'],
    ] as const) {
      takeBearerToken(payload(within(32, open, close)));
      refused(payload(within(33, open, close)), 'the payload is nested too deeply');
    }
  });

  test('names its tenant by a GUID', () => {
    for (const not of [undefined, 1, 'contoso.example', `${tid}0`, `x${tid}`, tid.replace('-', ''), [tid]]) {
      refused(authorization({}, { tid: not }), 'tid is not a GUID');
    }
  });
});
