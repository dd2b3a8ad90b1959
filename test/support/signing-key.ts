import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';

/** A key that signs checkpoints, in a file for the tests around. */
export function signingKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const file = join(temporaryFolder(), 'key.pem');
  writeFileSync(file, signingKeyPem(privateKey));
  return { file, publicKey, environment: { AUDIT_SIGNING_KEY_FILE: file } };
}

/** As `AUDIT_SIGNING_KEY_FILE` has it. */
export const signingKeyPem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
