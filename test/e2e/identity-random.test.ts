import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { privateKeyPair } from '../support/private-entra.ts';
import { scene } from '../support/scene.ts';
import { type MintingEntra, rawRequest, startMintingEntra } from '../support/tokens.ts';

const me = '/api/v1/me';
const stranger = privateKeyPair();

let entra: MintingEntra;
let mint: MintingEntra['mint'];
const it = scene({
  environment: async ({ simulator }) => {
    entra = await startMintingEntra(simulator);
    mint = entra.mint;
    return { AZURE_AUTHORITY_HOST: entra.url };
  },
});
after(() => entra?.close());

/** The seed is drawn again for each run of the tests and printed by fast-check with a counterexample. */
const runs = (numRuns: number) => ({ numRuns, endOnFailure: true, interruptAfterTimeLimit: 8000 });

async function assertRefused(authorization: string | Buffer): Promise<void> {
  const header = Buffer.concat([Buffer.from('Authorization: '), Buffer.from(authorization)]);
  const { status, body } = await rawRequest(it.service.url, [`GET ${me} HTTP/1.1`, header]);
  // 400 and 431 are Node's own, for what is no header or too much of one.
  assert.ok([400, 401, 403, 431].includes(status), `answered ${status}: ${body}`);
}

/** The same line is good without the mutation, or these tests would prove nothing. */
async function assertAccepted(authorization: string): Promise<void> {
  const { status } = await rawRequest(it.service.url, [
    `GET ${me} HTTP/1.1`,
    `Authorization: ${authorization}`,
  ]);
  assert.equal(status, 200);
}

test('a valid token with any byte changed', async () => {
  const token = Buffer.from(mint.token());
  await assertAccepted(`Bearer ${token}`);
  await fc.assert(
    fc.asyncProperty(fc.nat(token.length - 1), fc.integer({ min: 1, max: 255 }), async (index, mask) => {
      const changed = Buffer.from(token);
      changed[index] = (changed[index] ?? 0) ^ mask;
      // CR, LF and the blank end or part a header line: what is left is another test's business.
      fc.pre(![0x0a, 0x0d].includes(changed[index] ?? 0));
      await assertRefused(Buffer.concat([Buffer.from('Bearer '), changed]));
    }),
    runs(300),
  );
});

test('segments of valid tokens, in another order or number', async () => {
  const [one, two] = [mint.token(), mint.token({ claims: { name: 'Another' } })];
  const segments = [...one.split('.'), ...two.split('.'), ''];
  await fc.assert(
    fc.asyncProperty(
      fc
        .array(fc.constantFrom(...segments), { maxLength: 6 })
        .filter((parts) => ![one, two].includes(parts.join('.'))),
      (parts) => assertRefused(`Bearer ${parts.join('.')}`),
    ),
    runs(150),
  );
});

test('any header and payload over the right ones, signed with a key that is not published', async () => {
  const json = fc.dictionary(
    fc.oneof(
      fc.constantFrom(
        'alg',
        'kid',
        'typ',
        'x5t',
        'crit',
        'jwk',
        'aud',
        'iss',
        'exp',
        'nbf',
        'tid',
        'scp',
        'azp',
        '__proto__',
      ),
      fc.string({ maxLength: 12 }),
    ),
    fc.jsonValue({ maxDepth: 4 }),
    { maxKeys: 5 },
  );
  await fc.assert(
    fc.asyncProperty(json, json, (header, claims) =>
      assertRefused(`Bearer ${mint.token({ header, claims, key: stranger.privateKey })}`),
    ),
    runs(200),
  );
});

test('any payload at all, even signed with the published key, is no 5xx', async () => {
  const claim = fc.constantFrom(
    'aud',
    'iss',
    'exp',
    'nbf',
    'iat',
    'oid',
    'azp',
    'scp',
    'roles',
    'idtyp',
    'acct',
    'idp',
    'upn',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(claim, fc.jsonValue({ maxDepth: 3 }), { minKeys: 1, maxKeys: 3 }),
      async (claims) => {
        const { status, body } = await rawRequest(it.service.url, [
          `GET ${me} HTTP/1.1`,
          // Someone else each time: one caller may call only so often.
          `Authorization: Bearer ${mint.token({ claims: { oid: crypto.randomUUID(), ...claims } })}`,
        ]);
        // Harmless claims may well be accepted.
        assert.ok([200, 401, 403].includes(status), `answered ${status}: ${body}`);
      },
    ),
    runs(200),
  );
});

test('any text as header or payload, signed with the published key', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json()), fc.boolean(), (text, isHeader) =>
      assertRefused(`Bearer ${mint.token(isHeader ? { headerText: text } : { payloadText: text })}`),
    ),
    runs(150),
  );
});

test('any depth of lists and objects in a payload', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 40, max: 5500 }), fc.boolean(), (depth, asList) => {
      const [open, close] = asList ? ['[', ']'] : ['{"a":', '}'];
      const levels = asList ? depth : Math.min(depth, 1800);
      const nested = `${open.repeat(levels)}1${close.repeat(levels)}`;
      const payloadText = JSON.stringify(mint.usualClaims()).replace('{', `{"deep":${nested},`);
      return assertRefused(`Bearer ${mint.token({ payloadText })}`);
    }),
    runs(50),
  );
});

test('any header value at all', async () => {
  const bytes = fc
    .uint8Array({ maxLength: 200 })
    .map((value) => Buffer.from(value.filter((byte) => byte !== 10 && byte !== 13)));
  const words = fc.array(
    fc.constantFrom('Bearer', 'bearer', 'Basic', ' ', ',', '.', '=', 'e30', 'null', 'eyJhbGciOiJub25lIn0'),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        bytes,
        words.map((value) => Buffer.from(value.join(''))),
      ),
      assertRefused,
    ),
    runs(200),
  );
});

test('and the service has neither failed nor called anyone', async () => {
  await assertAccepted(`Bearer ${mint.token()}`);
  assert.deepEqual(
    it.service.log.filter(({ level }) => level === 'error'),
    [],
  );
  assert.equal(await it.service.metric('chromeos_bff_token_validations_total', { result: 'internal' }), 0);
  assert.deepEqual(entra.forms, []);
  assert.deepEqual(it.simulator.calls, []);
});
