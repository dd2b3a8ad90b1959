import { createHash, createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import type { JsonObject } from './jwt.ts';

const generateRsa = promisify(generateKeyPair);

/** A key with the certificate Entra publishes around it, so that it can be handed to another process. */
export type SigningKeyPem = { readonly privateKey: string; readonly certificate: string };

export type SigningKey = { kid: string; privateKey: KeyObject; publicKey: KeyObject; jwk: JsonObject };

/** Makes an RSA key, which takes a tenth of a second, and its certificate. */
export async function makeSigningKeyPem(): Promise<SigningKeyPem> {
  const { privateKey, publicKey } = await generateRsa('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  // Takes as long to load as the rest of the simulator, and is not needed where the keys are given.
  const { generate } = await import('selfsigned');
  const { cert } = await generate([{ name: 'commonName', value: 'accounts.accesscontrol.windows.net' }], {
    algorithm: 'sha256',
    keyPair: { privateKey, publicKey },
  });
  return { privateKey, certificate: cert };
}

/** As Entra publishes it: `kid` is the SHA-1 thumbprint of its certificate. */
export function signingKeyFrom(pem: SigningKeyPem): SigningKey {
  const privateKey = createPrivateKey(pem.privateKey);
  const { publicKey, raw } = new X509Certificate(pem.certificate);
  const kid = createHash('sha1').update(raw).digest('base64url');
  const { n, e } = publicKey.export({ format: 'jwk' });
  const x5c = [raw.toString('base64')];
  return { kid, privateKey, publicKey, jwk: { kty: 'RSA', use: 'sig', kid, x5t: kid, n, e, x5c } };
}

export async function makeSigningKey(): Promise<SigningKey> {
  return signingKeyFrom(await makeSigningKeyPem());
}

/** One tenant's token-signing keys: the current one, older ones still published, one never published. */
export class KeyRing {
  readonly #makeKey: () => Promise<SigningKey>;
  #current: Promise<SigningKey>;
  #older: SigningKey[] = [];
  #unpublished: Promise<SigningKey> | undefined;
  #graph: Promise<SigningKey> | undefined;

  constructor(makeKey: () => Promise<SigningKey>) {
    this.#makeKey = makeKey;
    this.#current = this.#makeKey();
    // Awaited where it is needed; this keeps an early failure from ending the process.
    this.#current.catch(() => {});
  }

  current(): Promise<SigningKey> {
    return this.#current;
  }

  /** A key that is in no document: what an attacker signs with. Made on first use. */
  unpublished(): Promise<SigningKey> {
    this.#unpublished ??= this.#makeKey();
    return this.#unpublished;
  }

  /** Signs this tenant's Graph tokens. Graph's own business, so it is in no document and never rotates. */
  graph(): Promise<SigningKey> {
    this.#graph ??= this.#makeKey();
    return this.#graph;
  }

  async published(): Promise<SigningKey[]> {
    return [await this.#current, ...this.#older];
  }

  /** Puts a new key in use at once. Entra goes on publishing the old one, so that is the default. */
  async rotate({ keepOld = true }: { keepOld?: boolean } = {}): Promise<void> {
    const [next, previous] = await Promise.all([this.#makeKey(), this.#current]);
    this.#older = keepOld ? [previous, ...this.#older] : [];
    this.#current = Promise.resolve(next);
  }

  /** Resolves when no key is being made any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#current, this.#unpublished, this.#graph]);
  }
}
