import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { loadTenantMetadata, type MetadataSource } from '../../../src/adapters/entra/tenant-metadata.ts';
import { authorityHost, clientId, metadataSource, startTenant, tenantId } from './tenant.ts';

// What tokens meet with such metadata is tested in test/e2e/identity-keys.test.ts.
const path = '/.well-known/openid-configuration';
const own = `?appid=${clientId}`;
const base = `${authorityHost}/${tenantId}`;

describe('a tenant’s metadata', () => {
  let entra: ReturnType<typeof startTenant>;
  beforeEach(() => {
    entra = startTenant();
  });
  const load = (differing: Partial<MetadataSource> = {}) =>
    loadTenantMetadata({ ...metadataSource(entra.http), ...differing });

  test('is asked for in both versions, for the tenant and for our application, and each key set once', async () => {
    const { keys, documents, ...endpoints } = await load({ timeoutMs: 1234 });
    assert.deepEqual(
      entra.state.requests.map(({ url }) => url.slice(base.length)),
      [
        `/v2.0${path}`,
        path,
        `/v2.0${path}${own}`,
        `${path}${own}`,
        '/discovery/v2.0/keys',
        '/discovery/keys',
      ],
    );
    for (const { method, headers, timeoutMs, repeatable } of entra.state.requests) {
      assert.deepEqual(
        [method, headers, timeoutMs, repeatable],
        ['GET', { accept: 'application/json' }, 1234, true],
      );
    }
    assert.deepEqual([[...keys.keys()], documents], [['first'], 4]);
    assert.deepEqual(endpoints, {
      issuers: [`${base}/v2.0`, base],
      authorizationEndpoint: `${base}/oauth2/v2.0/authorize`,
      tokenEndpoint: `${base}/oauth2/v2.0/token`,
    });
  });

  test('without a v2.0 document is what v1.0 says', async () => {
    entra.state.absent = { [`/v2.0${path}`]: 404, [`/v2.0${path}${own}`]: 400, [`${path}${own}`]: 400 };
    const { issuers, tokenEndpoint, documents } = await load();
    assert.deepEqual([issuers, tokenEndpoint, documents], [[base], `${base}/oauth2/token`, 1]);
  });

  const absences: [string, Record<string, number>, RegExp][] = [
    ['neither document', { [`/v2.0${path}`]: 404, [path]: 404 }, /^Entra has no metadata for this tenant$/],
    [
      'a v2.0 document that it refuses',
      { [`/v2.0${path}`]: 400 },
      /^\/a0.*\/v2\.0\/.*configuration answered 400$/,
    ],
    ['a v1.0 document that it refuses', { [path]: 400 }, /answered 400$/],
    ['our documents’ failure', { [`${path}${own}`]: 500 }, /configuration answered 500$/],
  ];
  for (const [name, absent, message] of absences) {
    test(`is not there with ${name}`, async () => {
      entra.state.absent = absent;
      await assert.rejects(load(), { message });
    });
  }

  const foreign = (host: string) => `https://${host}/${tenantId}/x`;
  const documents: [string, Record<string, unknown>, RegExp | null][] = [
    [
      'another tenant’s issuer',
      { issuer: `${authorityHost}/other/v2.0` },
      /names an issuer that is not this tenant$/,
    ],
    ['no issuer', { issuer: '' }, /answered something else than expected$/],
    [
      'a token endpoint elsewhere',
      { token_endpoint: foreign('evil.example') },
      /token_endpoint is on a host/,
    ],
    [
      'a page to sign in elsewhere',
      { authorization_endpoint: foreign('evil.example') },
      /authorization_endpoint is on/,
    ],
    ['keys elsewhere', { jwks_uri: foreign('evil.example') }, /jwks_uri is on a host/],
    [
      'keys on a host that only begins so',
      { jwks_uri: foreign('login.example.evil.example') },
      /jwks_uri is on a host/,
    ],
    ['another port', { jwks_uri: foreign('login.example:444') }, /jwks_uri is on a host/],
    [
      'keys over plain HTTP',
      { jwks_uri: `http://login.example/${tenantId}/keys` },
      /something else than expected$/,
    ],
    ...['httpsx', 'xhttps'].map((scheme): [string, Record<string, unknown>, RegExp] => [
      `keys by ${scheme}`,
      { jwks_uri: `${scheme}://login.example/${tenantId}/keys` },
      /something else than expected$/,
    ]),
    ['keys on a host of the cloud', { jwks_uri: foreign('keys.example').replace(/x$/, 'keys') }, null],
  ];
  for (const [name, differing, refusal] of documents) {
    for (const at of [`/v2.0${path}`, `${path}${own}`]) {
      test(`with ${name}, in ${at}: ${refusal === null ? 'is taken' : 'is none'}`, async () => {
        entra.state.document = (asked) => (asked === at ? differing : {});
        entra.state.keySet = null;
        const loading = load({ knownHosts: ['keys.example'] });
        if (refusal === null) assert.equal((await loading).documents, 4);
        else await assert.rejects(loading, { message: refusal });
      });
    }
  }

  for (const [name, set] of [
    ['no set', { keys: 'x' }],
    ['an empty one', { keys: [] }],
    ['a key that is none', { keys: [5] }],
    ['a key without its kind', { keys: [{ kid: 'k' }] }],
    ...['kty', 'kid', 'use', 'alg', 'issuer', 'cloud_instance_name'].map(
      (name) => [`a number as ${name}`, { keys: [{ kty: 'RSA', [name]: 5 }] }] as const,
    ),
  ] as const) {
    test(`without keys is none: ${name}`, async () => {
      entra.state.keySet = set;
      const message =
        name === 'an empty one'
          ? /hold no signing key of this tenant$/
          : /keys answered something else than expected$/;
      await assert.rejects(load(), { message });
    });
  }

  test('gives addresses as they go into a header, without quotes and line ends', async () => {
    entra.state.document = () => ({ authorization_endpoint: `${authorityHost}/a"b\nc` });
    assert.equal((await load()).authorizationEndpoint, `${authorityHost}/a%22bc`);
  });

  test('a key that names this tenant’s v2.0 issuer is good for both of its issuers', async () => {
    const [jwk] = await keysOf();
    const issuersOf = async (issuer: string) => {
      entra.state.keySet = { keys: [{ ...jwk, issuer }] };
      return (await load()).keys.get('first')?.issuers;
    };
    const [v2, v1] = [`${authorityHost}/${tenantId}/v2.0`, `${authorityHost}/${tenantId}`];
    assert.deepEqual(await issuersOf(`${authorityHost}/{tenantid}/v2.0`), [v2, v1]);
    assert.deepEqual(await issuersOf(v1), [v1]);
  });

  test('counts keys of its own cloud, by its own name or by the one in our settings', async () => {
    const [jwk] = await keysOf();
    entra.state.keySet = { keys: [jwk, { ...jwk, kid: 'named', cloud_instance_name: 'example' }] };
    const named = async (differing: Partial<MetadataSource> = {}) =>
      (await load(differing)).keys.has('named');
    assert.deepEqual([await named(), await named({ cloudName: 'example' })], [false, true]);
    entra.state.document = () => ({ cloud_instance_name: 'elsewhere' });
    assert.equal(await named({ cloudName: 'example' }), false);
    entra.state.document = () => ({ cloud_instance_name: 'example' });
    assert.equal(await named({ cloudName: 'elsewhere' }), true);
  });

  async function keysOf(): Promise<object[]> {
    const { text } = await entra.http.send({
      method: 'GET',
      url: `${base}/discovery/keys`,
      headers: {},
      timeoutMs: 1,
    });
    return JSON.parse(text).keys;
  }
});
