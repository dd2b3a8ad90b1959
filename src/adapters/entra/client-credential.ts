import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { ClientAssertion, CryptoProvider } from '@azure/msal-node';
import type { Clock } from '../../core/ports.ts';
import type { Secret } from '../../core/secret.ts';

/** What MSAL needs to authenticate us at one token endpoint. */
export type MsalCredential =
  | { readonly clientSecret: string }
  | { readonly clientAssertion: () => Promise<string> };

/** One version of our credential. */
export type Credential = {
  readonly kind: 'federated token' | 'certificate' | 'secret file' | 'secret';
  readonly fingerprint: string;
  /** Milliseconds since the epoch; `null` where it can't be known. */
  readonly expiresAt: number | null;
  readonly forEndpoint: (tokenEndpoint: string) => MsalCredential;
};

export type CredentialSettings = {
  readonly federatedTokenFile: string | null;
  readonly certificatePath: string | null;
  readonly secretFile: string | null;
  readonly secret: Secret | null;
};

type Parse = (content: string) => Credential;

/** Our own credential at Entra ID: the first of federated token, certificate, secret file and secret
 *  that is set. Files are looked at for every exchange and read when they changed, so that a rotation
 *  needs no restart; a file that can't be read or is half-written leaves the one before in use. */
export class ClientCredential {
  readonly #file: string | null;
  readonly #parse: Parse;
  readonly #onProblem: (problem: string) => void;
  /** What the file last held that could be read. */
  #inFile: Credential | null = null;
  /** What to use: what the file holds, unless Entra refused that and still took the one before. */
  #inUse: Credential | null = null;
  /** What Entra last took. */
  #accepted: Credential | null = null;
  #seen = '';
  #problem = '';

  constructor(
    settings: CredentialSettings,
    options: { clientId: string; clock: Clock; onProblem: (problem: string) => void },
  ) {
    this.#onProblem = options.onProblem;
    if (settings.federatedTokenFile !== null) {
      this.#file = settings.federatedTokenFile;
      this.#parse = (content) => federatedToken(content, options.clock);
    } else if (settings.certificatePath !== null) {
      this.#file = settings.certificatePath;
      this.#parse = (content) => certificate(content, options.clientId, options.clock);
    } else if (settings.secretFile !== null) {
      this.#file = settings.secretFile;
      this.#parse = (content) => secret(content.trim(), 'secret file');
    } else {
      this.#file = null;
      this.#parse = (content) => secret(content, 'secret');
      this.#inUse = this.#parse(settings.secret?.reveal() ?? '');
    }
  }

  /** The credential to use now. Throws where there has never been a usable one. */
  async use(): Promise<Credential> {
    if (this.#file !== null) await this.#look(this.#file);
    if (this.#inUse === null) throw new Error('no usable client credential has been read yet');
    return this.#inUse;
  }

  /** What to try instead of a credential that Entra refused: what the file holds by now, or the one
   *  that Entra took before, if the file is half-written or ahead of Entra; `null` if there is none. */
  async insteadOf(refused: Credential): Promise<Credential | null> {
    await this.use();
    const others = [this.#inUse, this.#inFile, this.#accepted];
    return others.find((other) => other !== null && other.fingerprint !== refused.fingerprint) ?? null;
  }

  /** The credential in use, for metrics; reads nothing. */
  get current(): Credential | null {
    return this.#inUse;
  }

  /** Entra took this one, possibly after it had refused another, which is then no longer used. */
  worked(credential: Credential, options: { insteadOf?: Credential } = {}): void {
    this.#accepted = credential;
    // Only if that one is still in use: the file may have been completed in the meantime.
    if (options.insteadOf === undefined || this.#inUse?.fingerprint !== options.insteadOf.fingerprint) return;
    this.#inUse = credential;
    if (credential !== this.#inFile) {
      this.#complain('Entra ID refused what the file holds; the one before stays in use');
    }
  }

  async #look(file: string): Promise<void> {
    try {
      const { mtimeMs, ctimeMs, ino, size } = await stat(file);
      const state = `${mtimeMs}:${ctimeMs}:${ino}:${size}`;
      if (state === this.#seen) return;
      const credential = this.#parse(await readFile(file, 'utf8'));
      this.#seen = state;
      this.#problem = '';
      if (credential.fingerprint === this.#inFile?.fingerprint) return;
      this.#inFile = credential;
      this.#inUse = credential;
    } catch (error) {
      // Neither the file's content nor its path belongs in the message.
      this.#complain(error instanceof Error && 'code' in error ? String(error.code) : String(error));
    }
  }

  /** Once for each problem, not once for each call. */
  #complain(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#onProblem(problem);
  }
}

function federatedToken(content: string, clock: Clock): Credential {
  const token = content.trim();
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
  if (payload === undefined) throw new Error('the federated token file holds no JWT');
  const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown };
  const expiresAt = typeof exp === 'number' ? exp * 1000 : null;
  if (expiresAt !== null && expiresAt <= clock()) throw new Error('the federated token has expired');
  return {
    kind: 'federated token',
    fingerprint: fingerprint(token),
    expiresAt,
    forEndpoint: () => ({ clientAssertion: async () => token }),
  };
}

// MSAL lets an assertion live for ten minutes and would use it to its last second.
const assertionReuseMs = 5 * 60 * 1000;

function certificate(pem: string, clientId: string, clock: Clock): Credential {
  const key = createPrivateKey(pem);
  // Entra ID takes RSA only; another key could not sign what MSAL signs.
  if (key.asymmetricKeyType !== 'rsa') throw new Error('the certificate file holds no RSA key');
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const leaf = blocks
    .map((block) => new X509Certificate(block))
    .find((candidate) => candidate.checkPrivateKey(key));
  if (leaf === undefined) throw new Error('the certificate file holds no certificate of its private key');
  const thumbprint = leaf.fingerprint256.replaceAll(':', '');
  const privateKey = key.export({ type: 'pkcs8', format: 'pem' }) as string;
  const chain = blocks.join('\n');
  const crypto = new CryptoProvider();
  const assertions = new Map<string, { jwt: string; signedAt: number }>();

  // An RSA signature for each exchange would cost more than the rest of it: one serves for minutes.
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
    fingerprint: fingerprint(pem),
    expiresAt: Date.parse(leaf.validTo),
    forEndpoint: (endpoint) => ({ clientAssertion: async () => sign(endpoint) }),
  };
}

function secret(value: string, kind: 'secret' | 'secret file'): Credential {
  if (value === '') throw new Error(`the ${kind} is empty`);
  return {
    kind,
    fingerprint: fingerprint(value),
    expiresAt: null,
    forEndpoint: () => ({ clientSecret: value }),
  };
}

function fingerprint(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
