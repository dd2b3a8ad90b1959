import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ClientCredential, type Credential } from '../../../src/adapters/entra/client-credential.ts';

// Rotation over HTTP is tested in test/e2e/identity-credential.test.ts; here is what needs exact timing.
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
    credential.worked(await credential.use());
    await write('ne');
    const half = await credential.use();
    const standIn = await credential.insteadOf(half);
    assert.equal(secretOf(standIn), 'old');

    // While Entra looks at the stand-in, the file is completed and another call reads it.
    await write('new');
    assert.equal(secretOf(await credential.use()), 'new');
    assert.ok(standIn);
    credential.worked(standIn, { insteadOf: half });
    assert.equal(secretOf(await credential.use()), 'new');
  });

  test('half a secret is never what stands in for a whole one', async () => {
    const { credential, write } = await credentialFrom('old');
    credential.worked(await credential.use());
    await write('ne');
    await credential.use();
    await write('new');
    // Entra has not heard of it yet.
    assert.equal(secretOf(await credential.insteadOf(await credential.use())), 'old');
  });

  test('the one that stands in gives way when it is refused itself', async () => {
    const { credential, problems, write } = await credentialFrom('old');
    const old = await credential.use();
    credential.worked(old);
    await write('new');
    const early = await credential.use();
    credential.worked(old, { insteadOf: early });
    assert.equal(secretOf(await credential.use()), 'old');
    assert.equal(problems.length, 1);
    const next = await credential.insteadOf(old);
    assert.equal(secretOf(next), 'new');
    assert.ok(next);
    credential.worked(next, { insteadOf: old });
    assert.equal(secretOf(await credential.use()), 'new');
  });

  test('without another there is none', async () => {
    const { credential } = await credentialFrom('only');
    assert.equal(await credential.insteadOf(await credential.use()), null);
  });
});
