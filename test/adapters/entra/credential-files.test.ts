import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { generate } from 'selfsigned';
import { ClientCredential, type CredentialSettings } from '../../../src/adapters/entra/client-credential.ts';
import {
  certificateFrom,
  federatedTokenFrom,
  secretCredential,
  secretFileFrom,
} from '../../../src/adapters/entra/credential-files.ts';
import { Secret } from '../../../src/core/secret.ts';

const now = 1_800_000_000_000;
const clock = () => now;
const fingerprint = (text: string) => createHash('sha256').update(text).digest('base64url');
const jwt = (payload: string) => `e30.${Buffer.from(payload).toString('base64url')}.c2ln`;
const assertionOf = (made: object) => (made as { clientAssertion: () => Promise<string> }).clientAssertion();

describe('a file with our credential', () => {
  test('that holds a federated token gives that, until it expires', async () => {
    const token = jwt(`{"exp":${now / 1000 + 1}}`);
    const { forEndpoint, ...rest } = federatedTokenFrom(Buffer.from(` ${token}\n`), clock);
    assert.deepEqual(rest, {
      kind: 'federated token',
      fingerprint: fingerprint(token),
      expiresAt: now + 1000,
    });
    assert.equal(await assertionOf(forEndpoint('https://login.example/token')), token);
  });

  const refusals: [string, string][] = [
    ['', 'is empty'],
    [' \n', 'is empty'],
    ['secret', 'holds no JWT'],
    ['a.b', 'holds no JWT'],
    ['a.b.c.d', 'holds no JWT'],
    ['a.b.c d', 'holds no JWT'],
    [jwt('{'), 'holds no whole JWT'],
    [jwt('null'), 'holds no whole JWT'],
    [jwt(`{"exp":${now / 1000}}`), 'holds a token that has expired'],
  ];
  for (const [content, message] of refusals) {
    test(`${JSON.stringify(content).slice(0, 30)} ${message}`, () => {
      assert.throws(() => federatedTokenFrom(Buffer.from(content), clock), { message });
    });
  }

  test('that holds a secret gives that, and PEM is none', () => {
    const { forEndpoint, ...rest } = secretFileFrom(Buffer.from('s3cret\n'));
    assert.deepEqual(rest, { kind: 'secret file', fingerprint: fingerprint('s3cret'), expiresAt: null });
    assert.deepEqual(forEndpoint(''), { clientSecret: 's3cret' });
    assert.throws(() => secretFileFrom(Buffer.from('-----BEGIN PRIVATE KEY-----\nx')), {
      message: 'holds PEM, not a client secret: set AZURE_CLIENT_CERTIFICATE_PATH for a certificate',
    });
    assert.equal(secretCredential(new Secret('x'), 'secret').kind, 'secret');
  });

  test('that holds a certificate signs with its key, for one endpoint', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'bff' }], { keySize: 2048 });
    const content = `${key}\n${cert}`;
    const { forEndpoint, ...rest } = certificateFrom(Buffer.from(content), 'client', clock);
    const leaf = new X509Certificate(cert);
    assert.deepEqual(rest, {
      kind: 'certificate',
      fingerprint: fingerprint(content),
      expiresAt: Date.parse(leaf.validTo),
    });
    const endpoint = 'https://login.example/token';
    const [header, claims] = (await assertionOf(forEndpoint(endpoint)))
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    assert.deepEqual([claims.iss, claims.sub, claims.aud], ['client', 'client', endpoint]);
    assert.equal(
      Buffer.from(header['x5t#S256'], 'base64').toString('hex'),
      leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    );
    assert.deepEqual(header.x5c, [leaf.raw.toString('base64')]);
  });
});

describe('our credential', () => {
  let folder: string;
  const file = (name: string) => join(folder, name);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-credentials-'));
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'bff' }], { keySize: 2048 });
    await writeFile(file('token'), jwt('{}'));
    await writeFile(file('certificate'), `${key}\n${cert}`);
    await writeFile(file('secret'), 's3cret');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('is the first that is set', () => {
    const settings = (): CredentialSettings => ({
      federatedTokenFile: file('token'),
      certificatePath: file('certificate'),
      secretFile: file('secret'),
      secret: new Secret('x'),
    });
    const rows: [Partial<CredentialSettings>, string, string | undefined][] = [
      [{}, 'AZURE_FEDERATED_TOKEN_FILE', 'federated token'],
      [{ federatedTokenFile: null }, 'AZURE_CLIENT_CERTIFICATE_PATH', 'certificate'],
      [{ federatedTokenFile: null, certificatePath: null }, 'AZURE_CLIENT_SECRET_FILE', 'secret file'],
      [
        { federatedTokenFile: null, certificatePath: null, secretFile: null },
        'AZURE_CLIENT_SECRET',
        'secret',
      ],
      [
        { federatedTokenFile: null, certificatePath: null, secretFile: null, secret: null },
        'AZURE_CLIENT_SECRET',
        undefined,
      ],
    ];
    for (const [but, variable, kind] of rows) {
      const credential = new ClientCredential(
        { ...settings(), ...but },
        { clientId: 'client', clock, onProblem: assert.fail },
      );
      assert.deepEqual(
        [credential.variable, credential.use()?.kind, credential.problem],
        [variable, kind, null],
      );
    }
  });

  test('that cannot be read says why', () => {
    const problems: string[] = [];
    const credential = new ClientCredential(
      {
        federatedTokenFile: null,
        certificatePath: null,
        secretFile: file('nowhere'),
        secret: new Secret('x'),
      },
      { clientId: 'client', clock, onProblem: (problem) => problems.push(problem) },
    );
    assert.equal(credential.use(), null, 'a file that is set is the one that counts');
    assert.deepEqual(problems, [credential.problem]);
  });

  test('that Entra ID refuses gives way to the one it took before, and says so once', async () => {
    const problems: string[] = [];
    await writeFile(file('rotating'), 'old');
    const credential = new ClientCredential(
      { federatedTokenFile: null, certificatePath: null, secretFile: file('rotating'), secret: null },
      { clientId: 'client', clock, onProblem: (problem) => problems.push(problem) },
    );
    const old = credential.use();
    assert.ok(old);
    credential.worked(old);
    await writeFile(file('rotating'), 'new one');
    const early = credential.use();
    assert.ok(early && early !== old);
    assert.equal(credential.insteadOf(early), old);
    credential.worked(old, { insteadOf: early });
    assert.equal(credential.use(), old);
    assert.deepEqual(problems, ['holds a credential that Entra ID refuses; keeping the previous one']);
    // By now it takes the new one: no complaint.
    credential.worked(early, { insteadOf: old });
    assert.equal(credential.use(), early);
    assert.equal(problems.length, 1);
    // Whatever else it took instead of one that is not in use changes nothing.
    credential.worked(old, { insteadOf: old });
    assert.equal(credential.use(), early);
  });
});
