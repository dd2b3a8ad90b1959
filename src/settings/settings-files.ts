import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What is wrong with the files that settings name and that are needed from the first moment: each
 *  problem names the environment variable, never the path or the content. */
export function problemsOfFiles(files: {
  certFile: string | null;
  keyFile: string | null;
  signingKeyFile: string | null;
  earlierKeysFile: string | null;
}): string[] {
  const problems: string[] = [];
  const read = <Value>(
    file: string | null,
    variable: string,
    what: string,
    parse: (content: string) => Value,
  ): Value | null => {
    if (file === null) return null;
    try {
      return parse(readFileSync(file, 'utf8'));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const why = /^E[A-Z]+$/.test(code) ? `cannot be read (${code})` : `does not hold ${what}`;
      problems.push(`${variable} ${why}`);
      return null;
    }
  };

  const certificate = read(
    files.certFile,
    'TLS_CERT_FILE',
    'a certificate in PEM',
    (pem) => new X509Certificate(pem),
  );
  const key = read(files.keyFile, 'TLS_KEY_FILE', 'an unencrypted private key in PEM', createPrivateKey);
  if (certificate !== null && key !== null && !certificate.checkPrivateKey(key)) {
    problems.push('TLS_KEY_FILE does not hold the key of the certificate in TLS_CERT_FILE');
  }
  read(files.signingKeyFile, 'AUDIT_SIGNING_KEY_FILE', 'an Ed25519 private key in PKCS#8 PEM', (pem) => {
    if (createPrivateKey(pem).asymmetricKeyType !== 'ed25519') throw new Error('another kind of key');
  });
  read(files.earlierKeysFile, 'AUDIT_EARLIER_KEYS_FILE', 'Ed25519 public keys in SPKI PEM', (pem) => {
    const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
    const keys = blocks.map((block) => createPublicKey(block));
    if (keys.length === 0 || keys.some(({ asymmetricKeyType }) => asymmetricKeyType !== 'ed25519')) {
      throw new Error('another kind of key');
    }
  });
  return problems;
}
