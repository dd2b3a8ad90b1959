import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The demo's key for the audit trail's checkpoints, made once and kept with the data that it proves;
 *  the public half is beside it, for the verifier. Returns the private key's file. */
export async function signingKeyFile(dataDir: string): Promise<string> {
  const file = join(dataDir, 'audit-signing-key.pem');
  const pem = await readFile(file, 'utf8').catch(() => null);
  const kept = pem ?? generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  if (pem === null) await writeFile(file, kept, { mode: 0o600 });
  const publicKey = createPublicKey(kept).export({ type: 'spki', format: 'pem' });
  await writeFile(join(dataDir, 'audit-public-key.pem'), publicKey);
  return file;
}
