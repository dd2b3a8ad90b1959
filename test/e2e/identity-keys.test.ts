import assert from 'node:assert/strict';
import { generateKeyPairSync, hash } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { portalClientId, registration } from '../../simulator/directory.ts';
import { type PrivateEntraOptions, privateKeyPair, publishedKey } from '../support/private-entra.ts';
import { until } from '../support/processes.ts';
import { emptyScene } from '../support/scene.ts';
import { type Mint, type MintingEntra, startMintingEntra } from '../support/tokens.ts';

const consumers = '9188040d-6c67-4c5b-b112-36a304b66dad';
const otherTenant = '99999999-8888-4777-8666-555555555555';
const second = privateKeyPair();
const secondKey = publishedKey(second.publicKey, 'second');

const { tenantId, clientId } = registration;

const it = emptyScene();
let entra: MintingEntra | undefined;
afterEach(async () => {
  await entra?.close();
  entra = undefined;
});

/** A service whose home tenant publishes these keys; gives what a token's bearer hears. */
async function serviceWith(options: PrivateEntraOptions, from: { unready?: boolean } = {}) {
  const there = await startMintingEntra(it.simulator, options);
  entra = there;
  await it.start({ ...from, environment: { AZURE_AUTHORITY_HOST: there.url } });
  const statusWith = async (token: string) => (await it.get('/api/v1/me', { token })).status;
  return { there, statusWith, statusOf: (token: Mint) => statusWith(there.mint.token(token)) };
}

/** Signed by the second key, which each test publishes in its own way. */
const bySecond = (claims: Mint['claims'] = {}): Mint => ({
  claims,
  header: { kid: 'second' },
  key: second.privateKey,
});
const v1 = () => ({
  aud: `api://${clientId}`,
  iss: `https://sts.windows.net/${tenantId}/`,
  appid: portalClientId,
  azp: undefined,
  ver: '1.0',
});

type Marks = (url: string) => Record<string, string>;

describe('a key that Entra marks', () => {
  const rows: [string, { document?: Record<string, string>; marks: Marks }, v2: number, v1: number][] = [
    ['for nobody in particular', { marks: () => ({}) }, 200, 200],
    ['for this tenant', { marks: (url) => ({ issuer: `${url}/${tenantId}/v2.0` }) }, 200, 200],
    ['for every tenant', { marks: (url) => ({ issuer: `${url}/{tenantid}/v2.0` }) }, 200, 200],
    // Microsoft's common sets name v2.0 issuers alone, and their keys sign v1.0 tokens too.
    ['for v1.0 tokens alone', { marks: () => ({ issuer: 'https://sts.windows.net/{tenantid}/' }) }, 401, 200],
    ['for consumers', { marks: (url) => ({ issuer: `${url}/${consumers}/v2.0` }) }, 401, 401],
    ['for another tenant', { marks: (url) => ({ issuer: `${url}/${otherTenant}/v2.0` }) }, 401, 401],
    [
      'for every tenant of another cloud',
      { marks: () => ({ issuer: 'https://login.microsoftonline.us/{tenantid}/v2.0' }) },
      401,
      401,
    ],
    ['for an empty issuer', { marks: () => ({ issuer: '' }) }, 401, 401],
    [
      'for this cloud',
      {
        document: { cloud_instance_name: 'microsoftonline.com' },
        marks: () => ({ cloud_instance_name: 'microsoftonline.com' }),
      },
      200,
      200,
    ],
    [
      'for another cloud, by its name',
      {
        document: { cloud_instance_name: 'microsoftonline.com' },
        marks: () => ({ cloud_instance_name: 'microsoftonline.us' }),
      },
      401,
      401,
    ],
    [
      'for a cloud, where nobody says which one this is',
      { marks: () => ({ cloud_instance_name: 'microsoftonline.com' }) },
      401,
      401,
    ],
  ];
  for (const [name, { document, marks }, ofV2, ofV1] of rows) {
    test(`${name}: v2.0 ${ofV2}, v1.0 ${ofV1}`, async () => {
      const { statusOf } = await serviceWith({
        document: () => document ?? {},
        keys: (published, { url }) => [published, { ...secondKey, ...marks(url) }],
      });
      assert.equal(await statusOf(bySecond()), ofV2);
      assert.equal(await statusOf(bySecond(v1())), ofV1);
      assert.equal(await statusOf({}), 200, 'the other key is not touched');
    });
  }

  test('in one set and not in the other is good for what both say', async () => {
    const { statusOf } = await serviceWith({
      keys: (published, { url, path }) => [
        published,
        path.includes('v2.0')
          ? { ...secondKey, issuer: 'https://sts.windows.net/{tenantid}/' }
          : { ...secondKey, issuer: `${url}/${consumers}/v2.0` },
      ],
    });
    assert.equal(await statusOf(bySecond()), 401);
    assert.equal(await statusOf(bySecond(v1())), 200);
  });

  test('in both sets for different issuers is good for both', async () => {
    const { statusOf } = await serviceWith({
      v1: true,
      keys: (published, { url, path }) => [
        published,
        {
          ...secondKey,
          issuer: path.includes('v2.0') ? `${url}/{tenantid}/v2.0` : 'https://sts.windows.net/{tenantid}/',
        },
      ],
    });
    assert.equal(await statusOf(bySecond()), 200);
    assert.equal(await statusOf(bySecond(v1())), 200);
  });

  test('does not lend its name to another key', async () => {
    const stranger = privateKeyPair();
    const { statusOf } = await serviceWith({
      keys: (published, { path }) => [
        published,
        path.includes('v2.0') ? secondKey : publishedKey(stranger.publicKey, 'second'),
      ],
    });
    assert.equal(await statusOf(bySecond()), 200);
    assert.equal(await statusOf({ header: { kid: 'second' }, key: stranger.privateKey }), 401);
  });
});

describe('a key that is weak or no signing key is not loaded', () => {
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const three = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
  const rows: [string, Mint['key'], object][] = [
    ['1024 bits', short.privateKey, publishedKey(short.publicKey, 'second')],
    ['exponent 3', three.privateKey, publishedKey(three.publicKey, 'second')],
    ['for encryption', second.privateKey, { ...secondKey, use: 'enc' }],
    ['for another algorithm', second.privateKey, { ...secondKey, alg: 'RS512' }],
  ];
  for (const [name, key, jwk] of rows) {
    test(name, async () => {
      const { statusOf } = await serviceWith({ keys: (published) => [published, jwk] });
      assert.equal(await statusOf({ header: { kid: 'second' }, ...(key && { key }) }), 401);
      assert.equal(await statusOf({}), 200);
    });
  }

  test('exponent 1, with which a token needs no signature', async () => {
    const { statusOf, statusWith, there } = await serviceWith({
      keys: (published) => [published, { ...secondKey, e: Buffer.from([1]).toString('base64url') }],
    });
    const [header = '', payload = ''] = there.mint.token({ header: { kid: 'second' } }).split('.');
    const forged = `${header}.${payload}.${paddedDigest(`${header}.${payload}`)}`;
    assert.equal(await statusWith(forged), 401);
    assert.equal(await statusOf({}), 200);
  });

  test('alone, they are no keys: not ready', async () => {
    const { there } = await serviceWith(
      { keys: () => [publishedKey(short.publicKey, 'second')] },
      { unready: true },
    );
    await until('keys were asked for', () => there.requests.some((request) => request.includes('/keys')));
    await it.service.management.get('/readyz').expect(503);
  });
});

/** What RSA raises to the exponent: EMSA-PKCS1-v1_5 (RFC 8017 9.2). Raised to 1, it is its own signature. */
function paddedDigest(input: string): string {
  const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const digest = Buffer.concat([prefix, hash('sha256', input, 'buffer')]);
  const padding = Buffer.alloc(256 - digest.length - 3, 0xff);
  return Buffer.concat([Buffer.of(0, 1), padding, Buffer.of(0), digest]).toString('base64url');
}

describe('an application with signing keys of its own', () => {
  const own = (query: string) => query === `appid=${clientId}`;

  test('gets them, beside the tenant’s', async () => {
    const { statusOf } = await serviceWith({
      document: ({ path, query, url }) => {
        if (!own(query)) return {};
        const version = path.includes('v2.0') ? '/v2.0' : '';
        return { jwks_uri: `${url}/${tenantId}/discovery${version}/keys?${query}` };
      },
      keys: (published, { query }) => (own(query) ? [secondKey] : [published]),
    });
    assert.equal(await statusOf(bySecond()), 200);
    assert.equal(await statusOf(bySecond(v1())), 200);
    assert.equal(await statusOf({}), 200);
  });

  for (const status of [400, 404]) {
    test(`need not be known to the tenant: ${status}`, async () => {
      const { statusOf } = await serviceWith({ document: ({ query }) => (own(query) ? { status } : {}) });
      assert.equal(await statusOf({}), 200);
    });
  }
});
