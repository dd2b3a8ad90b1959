import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { generate } from 'selfsigned';
import { ClientCredential } from '../../../src/adapters/entra/client-credential.ts';
import type { Credential } from '../../../src/adapters/entra/credential-files.ts';

// Rotation over HTTP is tested in test/e2e/identity-credential.test.ts; here is what needs exact timing.
function inUse(credential: ClientCredential): Credential {
  const used = credential.use();
  assert.ok(used);
  return used;
}

describe('a secret file that changes between the steps of an exchange', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-credential-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const secretOf = (credential: Credential | null) =>
    credential && (credential.forEndpoint('') as { clientSecret: string }).clientSecret;

  async function credentialFrom(content: string) {
    const file = join(folder, crypto.randomUUID());
    await writeFile(file, content);
    const problems: string[] = [];
    const credential = new ClientCredential(
      { federatedTokenFile: null, certificatePath: null, secretFile: file, secret: null },
      { clientId: 'client', clock: Date.now, onProblem: (problem) => problems.push(problem) },
    );
    return { credential, problems, write: (next: string) => writeFile(file, next) };
  }

  test('the whole secret wins over the one that stood in for its half', async () => {
    const { credential, write } = await credentialFrom('old');
    credential.worked(inUse(credential));
    await write('ne');
    const half = inUse(credential);
    const standIn = credential.insteadOf(half);
    assert.equal(secretOf(standIn), 'old');

    // While Entra looks at the stand-in, the file is completed and another call reads it.
    await write('new');
    assert.equal(secretOf(inUse(credential)), 'new');
    assert.ok(standIn);
    credential.worked(standIn, { insteadOf: half });
    assert.equal(secretOf(inUse(credential)), 'new');
  });

  test('half a secret is never what stands in for a whole one', async () => {
    const { credential, write } = await credentialFrom('old');
    credential.worked(inUse(credential));
    await write('ne');
    inUse(credential);
    await write('new');
    // Entra has not heard of it yet.
    assert.equal(secretOf(credential.insteadOf(inUse(credential))), 'old');
  });

  test('the one that stands in gives way when it is refused itself', async () => {
    const { credential, problems, write } = await credentialFrom('old');
    const old = inUse(credential);
    credential.worked(old);
    await write('new');
    const early = inUse(credential);
    credential.worked(old, { insteadOf: early });
    assert.equal(secretOf(inUse(credential)), 'old');
    assert.equal(problems.length, 1);
    const next = credential.insteadOf(old);
    assert.equal(secretOf(next), 'new');
    assert.ok(next);
    credential.worked(next, { insteadOf: old });
    assert.equal(secretOf(inUse(credential)), 'new');
  });

  test('without another there is none', async () => {
    const { credential } = await credentialFrom('only');
    assert.equal(credential.insteadOf(inUse(credential)), null);
  });
});

describe('a federated token', () => {
  const jwt = (claims: object) =>
    `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2lnbmF0dXJl`;
  const used = async (credential: ClientCredential) => {
    const { clientAssertion } = inUse(credential).forEndpoint('') as {
      clientAssertion: () => Promise<string>;
    };
    return clientAssertion();
  };
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-federated-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('that has expired in the file is never offered to Entra', async () => {
    const file = join(folder, 'token');
    const problems: string[] = [];
    const credential = new ClientCredential(
      { federatedTokenFile: file, certificatePath: null, secretFile: null, secret: null },
      { clientId: 'client', clock: () => 1_000_000, onProblem: (problem) => problems.push(problem) },
    );
    await writeFile(file, jwt({ exp: 1000 }));
    assert.equal(credential.use(), null);
    const good = jwt({ exp: 1001 });
    await writeFile(file, good);
    assert.equal(await used(credential), good);
    assert.equal(inUse(credential).expiresAt, 1_001_000);
    await writeFile(file, jwt({ exp: 999 }));
    assert.equal(await used(credential), good);
    assert.deepEqual(problems, ['holds a token that has expired', 'holds a token that has expired']);
    const without = jwt({ exp: 'soon' });
    await writeFile(file, without);
    assert.equal(await used(credential), without);
    assert.equal(inUse(credential).expiresAt, null);
  });
});

describe('a certificate’s assertion', () => {
  test('serves for five minutes, at one endpoint, and then is signed again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-assertion-'));
    try {
      const file = join(folder, 'certificate.pem');
      const { cert, private: key } = await generate([{ name: 'commonName', value: 'bff' }], {
        keySize: 2048,
      });
      await writeFile(file, `${key}\n${cert}`);
      const signedAt = 1_800_000_000_000;
      let now = signedAt;
      const credential = new ClientCredential(
        { federatedTokenFile: null, certificatePath: file, secretFile: null, secret: null },
        { clientId: 'client', clock: () => now, onProblem: assert.fail },
      );
      const assertion = async (endpoint = 'https://login.example/token') => {
        const made = inUse(credential).forEndpoint(endpoint) as { clientAssertion: () => Promise<string> };
        return made.clientAssertion();
      };
      const first = await assertion();
      assert.notEqual(await assertion('https://login.example/other/token'), first);
      now = signedAt + 5 * 60_000 - 1;
      assert.equal(await assertion(), first);
      now = signedAt + 5 * 60_000;
      assert.notEqual(await assertion(), first);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
