import { createHash } from 'node:crypto';
import type { Clock } from '../../core/ports.ts';
import type { Secret } from '../../core/secret.ts';
import { UnusableFile } from '../files/followed-file.ts';
import { secretIn } from '../files/followed-secret.ts';
import { certificateIn } from './certificate-file.ts';
import { ClientAssertion, CryptoProvider } from './microsoft-libraries.ts';

/** What MSAL needs to authenticate us at one token endpoint. */
export type MsalCredential =
  | { readonly clientSecret: string }
  | { readonly clientAssertion: () => Promise<string> };

/** One version of our credential. */
export type Credential = {
  readonly kind: 'federated token' | 'certificate' | 'secret file' | 'secret';
  readonly fingerprint: string;
  /** Milliseconds since the epoch; `null` where it cannot be known. */
  readonly expiresAt: number | null;
  readonly forEndpoint: (tokenEndpoint: string) => MsalCredential;
};

/** The token of a workload identity, as the kubelet writes it. Throws `UnusableFile`. */
export function federatedTokenFrom(content: Buffer, clock: Clock): Credential {
  const token = content.toString('utf8').trim();
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token) ?? [];
  if (payload === undefined) throw new UnusableFile(token === '' ? 'is empty' : 'holds no JWT');
  const expiresAt = expiryIn(payload);
  if (expiresAt !== null && expiresAt <= clock()) throw new UnusableFile('holds a token that has expired');
  return {
    kind: 'federated token',
    fingerprint: fingerprintOf(token),
    expiresAt,
    forEndpoint: () => ({ clientAssertion: async () => token }),
  };
}

function expiryIn(payload: string): number | null {
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : null;
  } catch {
    // The parser's own message would quote the token.
    throw new UnusableFile('holds no whole JWT');
  }
}

// MSAL makes assertions valid for ten minutes and would use one until its last second.
const assertionReuseMs = 5 * 60 * 1000;

/** Signs an assertion for each token endpoint, and uses it for some minutes: an RSA signature for each exchange
 *  would cost more than the rest of it. Throws `UnusableFile`. */
export function certificateFrom(content: Buffer, clientId: string, clock: Clock): Credential {
  const { privateKey, leaf, chain } = certificateIn(content);
  const thumbprint = leaf.fingerprint256.replaceAll(':', '');
  const crypto = new CryptoProvider();
  const assertions = new Map<string, { jwt: string; signedAt: number }>();

  const sign = (endpoint: string): string => {
    const known = assertions.get(endpoint);
    if (known !== undefined && clock() - known.signedAt < assertionReuseMs) return known.jwt;
    const assertion = ClientAssertion.fromCertificateWithSha256Thumbprint(thumbprint, privateKey, chain);
    const jwt = assertion.getJwt(crypto, clientId, endpoint);
    assertions.set(endpoint, { jwt, signedAt: clock() });
    return jwt;
  };
  return {
    kind: 'certificate',
    fingerprint: fingerprintOf(content),
    expiresAt: Date.parse(leaf.validTo),
    forEndpoint: (endpoint) => ({ clientAssertion: async () => sign(endpoint) }),
  };
}

/** Throws `UnusableFile`. */
export function secretFileFrom(content: Buffer): Credential {
  // Before what it holds is read as a secret: all that would be said of PEM is that it has several lines.
  if (content.toString('utf8').trimStart().startsWith('-----BEGIN ')) {
    throw new UnusableFile(
      'holds PEM, not a client secret: set AZURE_CLIENT_CERTIFICATE_PATH for a certificate',
    );
  }
  return secretCredential(secretIn(content), 'secret file');
}

export function secretCredential(secret: Secret, kind: 'secret' | 'secret file'): Credential {
  return {
    kind,
    fingerprint: fingerprintOf(secret.reveal()),
    expiresAt: null,
    forEndpoint: () => ({ clientSecret: secret.reveal() }),
  };
}

function fingerprintOf(value: string | Buffer): string {
  return createHash('sha256').update(value).digest('base64url');
}
