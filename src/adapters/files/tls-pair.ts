import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { FollowedFile, UnusableFile } from './followed-file.ts';

/** A certificate with its chain, its key, and when it expires, in milliseconds since the epoch. */
export type TlsPair = { readonly cert: Buffer; readonly key: Buffer; readonly expiresAt: number };

/** The certificate and key of a TLS server, followed as their files change. */
export function followTlsPair(options: {
  readonly certFile: string;
  readonly keyFile: string;
  readonly onProblem: (problem: string) => void;
}): FollowedFile<TlsPair> {
  return new FollowedFile({
    paths: [options.certFile, options.keyFile],
    parse: ([cert = Buffer.alloc(0), key = Buffer.alloc(0)]) => pairOf(cert, key),
    onProblem: options.onProblem,
  });
}

function pairOf(cert: Buffer, key: Buffer): TlsPair {
  const certificate = tryTo(
    'TLS_CERT_FILE holds no whole certificate in PEM',
    () => new X509Certificate(cert),
  );
  const privateKey = tryTo('TLS_KEY_FILE holds no whole unencrypted private key in PEM', () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new UnusableFile('TLS_KEY_FILE does not hold the key of the certificate in TLS_CERT_FILE');
  }
  tryTo('TLS_CERT_FILE holds a certificate that cannot serve TLS', () => createSecureContext({ cert, key }));
  return { cert, key, expiresAt: Date.parse(certificate.validTo) };
}

function tryTo<Value>(problem: string, work: () => Value): Value {
  try {
    return work();
  } catch {
    // OpenSSL's own message would not help, and might quote the file.
    throw new UnusableFile(problem);
  }
}
