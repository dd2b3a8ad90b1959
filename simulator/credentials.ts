import { createHash, createPublicKey, type JsonWebKey, X509Certificate } from 'node:crypto';
import { federatedAudience, federatedSubject, registration } from './directory.ts';
import { EntraError } from './entra-error.ts';
import { type DecodedJwt, decodeJwt, type JsonObject, signJwt, verifyJwt } from './jwt.ts';
import { makeSigningKey, type SigningKey } from './keys.ts';

export type FederatedCredential = {
  issuer: string;
  subject: string;
  jwks: { keys: readonly object[] };
};

export type FederatedTokenOptions = {
  issuer?: string;
  subject?: string;
  audience?: string;
  /** Seconds; negative for one that has expired. Default 3,600. */
  expiresIn?: number;
  /** Signs with a key the issuer does not publish. */
  key?: 'current' | 'unpublished';
  claims?: JsonObject;
};

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** What the service's registration accepts as proof that the service is who it says. */
export class CredentialStore {
  #secrets = new Set<string>([registration.clientSecret]);
  #expiredSecrets = new Set<string>();
  readonly #certificates = new Map<string, X509Certificate>();
  #federated: FederatedCredential[] = [];
  #cluster: Promise<SigningKey> | undefined;
  #stranger: Promise<SigningKey> | undefined;
  readonly #url: string;
  readonly #now: () => number;

  constructor(url: string, now: () => number) {
    this.#url = url;
    this.#now = now;
  }

  /** The built-in stand-in for a Kubernetes cluster's issuer, registered from the start. */
  get clusterIssuer(): string {
    return `${this.#url}/simulator/cluster`;
  }

  setSecrets(accepted: readonly string[], expired: readonly string[] = []): void {
    this.#secrets = new Set(accepted);
    this.#expiredSecrets = new Set(expired);
  }

  registerCertificate(pem: string): void {
    const certificate = new X509Certificate(pem);
    this.#certificates.set(thumbprint(certificate, 'sha256'), certificate);
    this.#certificates.set(thumbprint(certificate, 'sha1'), certificate);
  }

  clearCertificates(): void {
    this.#certificates.clear();
  }

  registerFederatedCredential(credential: FederatedCredential): void {
    this.#federated.push(credential);
  }

  reset(): void {
    this.setSecrets([registration.clientSecret]);
    this.clearCertificates();
    this.#federated = [];
  }

  /** A projected service account token as the built-in cluster issues it. */
  async federatedToken(options: FederatedTokenOptions = {}): Promise<string> {
    const key = await (options.key === 'unpublished' ? this.#strangerKey() : this.#clusterKey());
    const now = Math.floor(this.#now() / 1000);
    const lifetime = options.expiresIn ?? 3600;
    return signJwt(
      { alg: 'RS256', kid: options.key === 'unpublished' ? (await this.#clusterKey()).kid : key.kid },
      {
        aud: [options.audience ?? federatedAudience],
        exp: now + lifetime,
        iat: now + Math.min(lifetime - 60, 0),
        iss: options.issuer ?? this.clusterIssuer,
        nbf: now + Math.min(lifetime - 60, 0),
        sub: options.subject ?? federatedSubject,
        ...options.claims,
      },
      key.privateKey,
    );
  }

  /** The keys the built-in cluster publishes. */
  async clusterJwks(): Promise<{ keys: JsonObject[] }> {
    return { keys: [(await this.#clusterKey()).jwk] };
  }

  /** Checks the client's proof as Entra does. Returns what `appidacr` says of it: '1' for a secret, '2'
   *  for an assertion. */
  async authenticate(form: URLSearchParams, tenantId: string): Promise<'1' | '2'> {
    const assertion = form.get('client_assertion');
    const secret = form.get('client_secret');
    if (assertion !== null) {
      if (form.get('client_assertion_type') !== assertionType) {
        throw new EntraError(90014, { detail: `client_assertion_type must be '${assertionType}'.` });
      }
      await this.#checkAssertion(assertion, tenantId);
      return '2';
    }
    if (secret === null) throw new EntraError(7000218);
    if (this.#expiredSecrets.has(secret)) throw new EntraError(7000222);
    if (!this.#secrets.has(secret)) {
      throw new EntraError(7000215, { detail: "The simulator's secret is printed when it starts." });
    }
    return '1';
  }

  async #checkAssertion(assertion: string, tenantId: string): Promise<void> {
    const jwt = decodeJwt(assertion);
    if (!jwt) throw new EntraError(50027, { detail: 'client_assertion is not a JWT.' });
    if (jwt.claims.iss === registration.clientId) await this.#checkCertificate(jwt, tenantId);
    else await this.#checkFederated(jwt);
    const now = this.#now() / 1000;
    const { exp, nbf } = jwt.claims;
    if (typeof exp !== 'number' || exp <= now || (typeof nbf === 'number' && nbf > now + 300)) {
      throw new EntraError(700024, { detail: `Current time: ${new Date(this.#now()).toISOString()}.` });
    }
  }

  async #checkCertificate(jwt: DecodedJwt, tenantId: string): Promise<void> {
    const name = jwt.header['x5t#S256'] ?? jwt.header.x5t;
    const certificate = typeof name === 'string' ? this.#certificates.get(name) : undefined;
    if (!certificate) {
      throw new EntraError(700027, {
        detail: `[Reason - The key was not found, thumbprint of key used by client: '${String(name)}'.] Register the certificate with POST /simulator/certificates.`,
      });
    }
    if (Date.parse(certificate.validTo) <= this.#now()) {
      throw new EntraError(700027, {
        detail: `[Reason - The key used is expired, End=${certificate.validTo}.]`,
      });
    }
    if (!(await verifyJwt(jwt, certificate.publicKey, ['PS256', 'RS256']))) {
      throw new EntraError(700027, {
        detail: '[Reason - The provided signature value did not match the expected signature value.]',
      });
    }
    if (jwt.claims.sub !== registration.clientId) throw new EntraError(700021);
    const audiences = [`${this.#url}/${tenantId}/oauth2/v2.0/token`, `${this.#url}/${tenantId}/v2.0`];
    if (!audiences.includes(String(jwt.claims.aud))) {
      throw new EntraError(700023, { detail: `Accepted: ${audiences.join(', ')}.` });
    }
    // Presence only: one assertion may be presented again until it expires, and MSAL does so.
    if (typeof jwt.claims.jti !== 'string' || jwt.claims.jti === '') {
      throw new EntraError(50027, { detail: "client_assertion has no 'jti'." });
    }
  }

  async #checkFederated(jwt: DecodedJwt): Promise<void> {
    const known = [...this.#federated];
    if (jwt.claims.iss === this.clusterIssuer) {
      known.push({ issuer: this.clusterIssuer, subject: federatedSubject, jwks: await this.clusterJwks() });
    }
    const ofIssuer = known.filter(({ issuer }) => issuer === jwt.claims.iss);
    if (ofIssuer.length === 0) throw new EntraError(700211, { detail: `'${String(jwt.claims.iss)}'.` });
    const credential = ofIssuer.find(({ subject }) => subject === jwt.claims.sub);
    if (!credential) throw new EntraError(700213, { detail: `'${String(jwt.claims.sub)}'.` });
    if (![jwt.claims.aud].flat().includes(federatedAudience)) {
      throw new EntraError(700212, {
        detail: `'${String(jwt.claims.aud)}', expected '${federatedAudience}'.`,
      });
    }
    const jwk = credential.jwks.keys.find((one) => 'kid' in one && one.kid === jwt.header.kid);
    const key = jwk && createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
    if (!key || !(await verifyJwt(jwt, key, ['RS256', 'PS256']))) {
      throw new EntraError(700027, { detail: "[Reason - Not signed by a key of the assertion's issuer.]" });
    }
  }

  #clusterKey(): Promise<SigningKey> {
    this.#cluster ??= makeSigningKey();
    return this.#cluster;
  }

  #strangerKey(): Promise<SigningKey> {
    this.#stranger ??= makeSigningKey();
    return this.#stranger;
  }

  async settled(): Promise<void> {
    await Promise.allSettled([this.#cluster, this.#stranger]);
  }
}

function thumbprint(certificate: X509Certificate, algorithm: 'sha1' | 'sha256'): string {
  return createHash(algorithm).update(certificate.raw).digest('base64url');
}
