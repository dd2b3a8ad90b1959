import type { Logger } from 'pino';
import { FollowedFile, UnusableFile } from '../adapters/files/followed-file.ts';
import {
  type Signer,
  signerFrom,
  type Verifier,
  verifiersFrom,
} from '../audit-verification/format/statement.ts';
import type { Check } from '../http/management-app.ts';
import type { Settings } from '../settings/settings.ts';

/** The keys of the trail: the one that signs, and those whose signatures are accepted, by key id. Their files are
 *  read again when they change: the next checkpoint is signed with the new key, and the previous key stays accepted. */
export type AuditKeys = {
  readonly signer: Signer | null;
  readonly verifiers: ReadonlyMap<string, Verifier>;
  /** Why the signing key file's current content is not used; `null` if it is. */
  readonly problem: string | null;
};

/** Reads the keys. Throws if one cannot be used. */
export function readAuditKeys(
  { signingKeyFile, earlierKeysFile }: Settings['audit'],
  log: Logger,
): AuditKeys {
  const signingKey = followKey('AUDIT_SIGNING_KEY_FILE', signingKeyFile, signerFrom, log);
  const earlier = followKey('AUDIT_EARLIER_KEYS_FILE', earlierKeysFile, verifiersFrom, log);
  const verifiers = new Map<string, Verifier>();
  const currentSigner = (): Signer | null => {
    const signer = signingKey?.get() ?? null;
    for (const verifier of earlier?.get()?.values() ?? []) verifiers.set(verifier.keyId, verifier);
    if (signer !== null) verifiers.set(signer.keyId, signer.verifier);
    return signer;
  };
  currentSigner();
  return {
    get signer() {
      return currentSigner();
    },
    verifiers,
    get problem() {
      currentSigner();
      return signingKey?.problem ?? null;
    },
  };
}

/** Whether checkpoints are signed, and with the key that is meant. */
export function signatureCheck({ signer, problem }: AuditKeys): Check {
  const name = 'audit signature';
  if (signer === null) return { name, warning: 'no AUDIT_SIGNING_KEY_FILE: checkpoints are unsigned' };
  return problem === null
    ? { name }
    : { name, warning: `using the previous key: AUDIT_SIGNING_KEY_FILE ${problem}` };
}

function followKey<Key>(
  variable: string,
  path: string | null,
  from: (pem: string) => Key,
  log: Logger,
): FollowedFile<Key> | null {
  if (path === null) return null;
  const file = new FollowedFile({
    paths: [path],
    parse: ([pem]) => keyIn(String(pem), from),
    onProblem: (problem) =>
      log.warn({ problem: `${variable} ${problem}` }, 'a key of the audit trail is not usable'),
  });
  if (file.get() === null) throw new Error(`${variable} ${file.problem}`);
  return file;
}

function keyIn<Key>(pem: string, from: (pem: string) => Key): Key {
  try {
    return from(pem);
  } catch {
    throw new UnusableFile('does not hold an Ed25519 key in PEM');
  }
}
