import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { keySet, type TenantIdentity, verificationKeys } from '../../../src/adapters/entra/key-set.ts';

// What tokens meet with such keys over HTTP is tested in test/e2e/identity-keys.test.ts.
const jwkOf = (options: { modulusLength: number; publicExponent?: number }) =>
  generateKeyPairSync('rsa', options).publicKey.export({ format: 'jwk' });
const strong = jwkOf({ modulusLength: 2048 });
const other = jwkOf({ modulusLength: 2048 });
const v2 = 'https://login.example/tenant/v2.0';
const v1 = 'https://sts.example/tenant/';
const tenant: TenantIdentity = { tenantId: 'tenant', issuers: [v2, v1], v2Issuer: v2, cloudName: 'example' };

const issuersOf = (jwk: object, identity = tenant) =>
  verificationKeys(keySet.parse({ keys: [{ ...strong, kid: 'k', ...jwk }] }).keys, identity).get('k')
    ?.issuers;

describe('which issuers a key is good for', () => {
  const rows: [string, object, readonly string[] | undefined][] = [
    ['says nothing', {}, [v2, v1]],
    ['for signatures', { use: 'sig', alg: 'RS256' }, [v2, v1]],
    ['names the v2.0 issuer', { issuer: v2 }, [v2, v1]],
    ['names it for every tenant', { issuer: 'https://login.example/{tenantid}/v2.0' }, [v2, v1]],
    ['names the v1.0 issuer', { issuer: 'https://sts.example/{tenantid}/' }, [v1]],
    ['names another', { issuer: 'https://login.example/other/v2.0' }, undefined],
    ['names this cloud', { cloud_instance_name: 'example' }, [v2, v1]],
    ['names another cloud', { cloud_instance_name: 'elsewhere' }, undefined],
    ['without a name', { kid: undefined }, undefined],
    ['for encryption', { use: 'enc' }, undefined],
    ['for another algorithm', { alg: 'PS256' }, undefined],
    ['of another kind', { kty: 'EC' }, undefined],
    ['broken', { n: undefined }, undefined],
    ['2047 bits', jwkOf({ modulusLength: 2047 }), undefined],
    ['3072 bits', jwkOf({ modulusLength: 3072 }), [v2, v1]],
    ['another exponent', jwkOf({ modulusLength: 2048, publicExponent: 3 }), undefined],
  ];
  for (const [name, jwk, issuers] of rows) {
    test(`${name}: ${issuers?.length ?? 'none'}`, () => {
      assert.deepEqual(issuersOf(jwk), issuers);
    });
  }

  test('where nobody says which cloud this is, a key that names one is good for nothing', () => {
    assert.equal(issuersOf({ cloud_instance_name: 'example' }, { ...tenant, cloudName: null }), undefined);
    assert.deepEqual(issuersOf({}, { ...tenant, cloudName: null }), [v2, v1]);
  });

  test('without v2.0 metadata, each issuer for itself', () => {
    const old = { ...tenant, issuers: [v1], v2Issuer: null };
    assert.deepEqual(issuersOf({ issuer: v1 }, old), [v1]);
    assert.equal(issuersOf({ issuer: v2 }, old), undefined);
  });

  test('one key in two sets is good for what either says; another of its name changes nothing', () => {
    const { keys } = keySet.parse({
      keys: [
        { ...strong, kid: 'k', issuer: v1 },
        { ...other, kid: 'k' },
        { ...strong, kid: 'k', issuer: 'https://elsewhere.example/' },
        { ...strong, kid: 'k', issuer: v2 },
        { ...other, kid: 'o' },
      ],
    });
    const found = verificationKeys(keys, tenant);
    assert.deepEqual([...found.keys()], ['k', 'o']);
    assert.deepEqual(found.get('k')?.issuers, [v1, v2]);
    assert.equal(found.get('k')?.key.export({ format: 'jwk' }).n, strong.n);
    const [first, second] = keys;
    const ofTwo = verificationKeys(
      [first, second].filter((jwk) => jwk !== undefined),
      tenant,
    );
    assert.deepEqual(ofTwo.get('k')?.issuers, [v1]);
  });
});
