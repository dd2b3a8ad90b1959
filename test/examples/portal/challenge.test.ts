import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demandedClaims } from '../../../examples/portal/src/api/challenge.ts';

const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const encoded = base64(claims);

for (const [name, header] of Object.entries({
  'as this service sends it': `Bearer realm="chromeos-connector-bff", authorization_uri="https://login.example/t/oauth2/v2.0/authorize", error="insufficient_claims", claims="${encoded}"`,
  'without quotes': `Bearer error=insufficient_claims, claims=${encoded}`,
  'after another challenge': `Bearer realm="a", error="insufficient_claims", claims="${encoded}", PoP realm="b"`,
  'in another order and case': `bearer CLAIMS="${encoded}", Error="insufficient_claims"`,
})) {
  test(`finds the claims ${name}`, () => assert.equal(demandedClaims(header), claims));
}

test('finds claims in any language', () => {
  const wide = '{"access_token":{"x":{"value":"Олена"}}}';
  assert.equal(demandedClaims(`Bearer error="insufficient_claims", claims="${base64(wide)}"`), wide);
});

for (const [name, header] of Object.entries({
  'no header': null,
  'another error': `Bearer error="invalid_token", claims="${encoded}"`,
  'no claims': 'Bearer error="insufficient_claims"',
  'claims that are not base64': 'Bearer error="insufficient_claims", claims="?"',
  'claims that are not JSON': `Bearer error="insufficient_claims", claims="${base64('nothing')}"`,
  'claims that are no object': `Bearer error="insufficient_claims", claims="${base64('["c1"]')}"`,
})) {
  test(`demands nothing: ${name}`, () => assert.equal(demandedClaims(header), null));
}
