import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { type GenerateResult, generate } from 'selfsigned';
import { certificateIn } from '../../../src/adapters/entra/certificate-file.ts';
import { UnusableFile } from '../../../src/adapters/files/followed-file.ts';

type Issued = { readonly cert: string; readonly key: string };

/** A certificate for a name, issued by another or by itself. */
async function issue(commonName: string, ca?: Issued): Promise<Issued> {
  const made: GenerateResult = await generate([{ name: 'commonName', value: commonName }], {
    keySize: 2048,
    algorithm: 'sha256',
    extensions: [{ name: 'basicConstraints', cA: true }],
    ...(ca && { ca }),
  });
  return { cert: made.cert, key: made.private };
}

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const subjects = (pem: string) =>
  (pem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((one) =>
    new X509Certificate(one).subject.replace('CN=', ''),
  );

let root: Issued;
let middle: Issued;
let leaf: Issued;
let stranger: Issued;
before(async () => {
  [root, stranger] = await Promise.all([issue('root'), issue('stranger')]);
  middle = await issue('middle', root);
  leaf = await issue('leaf', middle);
});

describe('a certificate file', () => {
  const orders: [string, () => string[]][] = [
    ['key, leaf, middle, root', () => [leaf.key, leaf.cert, middle.cert, root.cert]],
    ['root, middle, leaf, key', () => [root.cert, middle.cert, leaf.cert, leaf.key]],
    ['middle, key, root, leaf', () => [middle.cert, leaf.key, root.cert, leaf.cert]],
    ['leaf twice', () => [leaf.cert, leaf.cert, root.cert, middle.cert, leaf.key]],
  ];
  for (const [name, parts] of orders) {
    test(`in the order ${name}: the leaf first, and then who issued it`, () => {
      const found = certificateIn(Buffer.from(parts().join('\n')));
      assert.deepEqual(subjects(found.chain), ['leaf', 'middle', 'root']);
      assert.match(found.chain, /^(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n){3}$/);
      assert.equal(found.leaf.subject, 'CN=leaf');
      assert.ok(found.leaf.checkPrivateKey(createPrivateKey(found.privateKey)));
    });
  }

  test('with what does not belong to the chain: that comes last', () => {
    const pem = [stranger.cert, root.cert, leaf.cert, leaf.key].join('\r\n');
    assert.deepEqual(subjects(certificateIn(Buffer.from(pem)).chain), ['leaf', 'stranger', 'root']);
  });

  test('with a PKCS#1 key and text around the blocks, as openssl writes them', () => {
    const key = createPrivateKey(leaf.key).export({ type: 'pkcs1', format: 'pem' });
    const pem = `Bag Attributes\n    friendlyName: bff\n${key}\nsubject=CN = leaf\n${leaf.cert}`;
    assert.equal(certificateIn(Buffer.from(pem)).leaf.subject, 'CN=leaf');
  });

  const elliptic = () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const encrypted = (type: 'pkcs1' | 'pkcs8') =>
    createPrivateKey(leaf.key).export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
  const der = () => new X509Certificate(leaf.cert).raw;
  const unusable: [string, () => string | Buffer, RegExp][] = [
    ['nothing', () => '', /^is empty$/],
    ['blanks', () => ' \n', /^is empty$/],
    [
      'a PFX',
      () => fixture('certificate.pfx'),
      /^is a PKCS#12 \(PFX\) file\. .*openssl pkcs12 -in FILE -nodes/,
    ],
    ['an old PFX', () => fixture('certificate-legacy.pfx'), /^is a PKCS#12.* -legacy/],
    [
      'a PFX in base64, as Key Vault gives it',
      () => fixture('certificate.pfx').toString('base64'),
      /^is a PKCS#12 \(PFX\) file in base64\. .*base64 -d/,
    ],
    ['a certificate in DER', der, /^is a certificate in DER.*openssl x509 -inform der/],
    [
      'a key in DER',
      () => createPrivateKey(leaf.key).export({ type: 'pkcs8', format: 'der' }),
      /^is binary \(DER\), and no certificate/,
    ],
    ['a Java key store', () => Buffer.from('feedfeed00000002', 'hex'), /^is a Java key store\. .*keytool/],
    ['PEM in UTF-16', () => Buffer.from(`\uFEFF${leaf.key}`, 'utf16le'), /^is text in UTF-16/],
    [
      'PEM in UTF-16, the other way',
      () => Buffer.from(`\uFEFFabc`, 'utf16le').swap16(),
      /^is text in UTF-16/,
    ],
    ['a word', () => 'certificate', /^is no PEM file/],
    ['a secret', () => 'MIIabc~8Q.secret', /^is no PEM file/],
    ['a certificate alone', () => leaf.cert, /without its private key/],
    ['a key alone', () => leaf.key, /private key without a certificate/],
    ['another’s certificate', () => `${leaf.key}\n${stranger.cert}`, /do not belong together/],
    ['an encrypted key', () => `${encrypted('pkcs8')}\n${leaf.cert}`, /encrypted.*openssl pkey -in FILE/],
    ['an encrypted key of the old kind', () => `${encrypted('pkcs1')}\n${leaf.cert}`, /encrypted/],
    ['half a key', () => `${leaf.key.slice(0, 900)}\n${leaf.cert}`, /broken or only half there/],
    [
      'half a certificate',
      () => `${leaf.key}\n${leaf.cert.replace(/\n[^\n]{64}\n/, '\n')}`,
      /broken or only half/,
    ],
    ['an elliptic key', () => `${elliptic()}\n${leaf.cert}`, /not RSA/],
  ];
  for (const [name, content, words] of unusable) {
    test(`that is ${name} says so, and shows nothing of it`, () => {
      const bytes = Buffer.from(content() as string);
      assert.throws(
        () => certificateIn(bytes),
        (error) => {
          assert.ok(error instanceof UnusableFile);
          assert.match(error.message, words);
          assert.doesNotMatch(error.message, /MII|~8Q/);
          return true;
        },
      );
    });
  }
});
