import { createHash, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { generate } from 'selfsigned';
import type { JsonObject } from './jwt.ts';

const generateRsa = promisify(generateKeyPair);

export type SigningKey = { kid: string; privateKey: KeyObject; publicKey: KeyObject; jwk: JsonObject };

/** Makes an RSA key with the certificate Entra publishes around it; `kid` is its SHA-1 thumbprint. */
export async function makeSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateRsa('rsa', { modulusLength: 2048 });
  const { cert } = await generate([{ name: 'commonName', value: 'accounts.accesscontrol.windows.net' }], {
    algorithm: 'sha256',
    keyPair: {
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    },
  });
  const der = cert.replace(/-----[A-Z ]+-----|\s/g, '');
  const kid = createHash('sha1').update(Buffer.from(der, 'base64')).digest('base64url');
  const { n, e } = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({
    format: 'jwk',
  });
  return { kid, privateKey, publicKey, jwk: { kty: 'RSA', use: 'sig', kid, x5t: kid, n, e, x5c: [der] } };
}

/** One tenant's token-signing keys: the current one, older ones still published, one never published. */
export class KeyRing {
  #current: Promise<SigningKey>;
  #older: SigningKey[] = [];
  #unpublished: Promise<SigningKey> | undefined;
  #graph: Promise<SigningKey> | undefined;

  constructor() {
    this.#current = makeSigningKey();
    // Awaited by whoever needs it; this keeps an early failure from ending the process.
    this.#current.catch(() => {});
  }

  current(): Promise<SigningKey> {
    return this.#current;
  }

  /** A key that is in no document: what an attacker signs with. Made on first use. */
  unpublished(): Promise<SigningKey> {
    this.#unpublished ??= makeSigningKey();
    return this.#unpublished;
  }

  /** Signs this tenant's Graph tokens. Graph's own business, so it is in no document and never rotates. */
  graph(): Promise<SigningKey> {
    this.#graph ??= makeSigningKey();
    return this.#graph;
  }

  async published(): Promise<SigningKey[]> {
    return [await this.#current, ...this.#older];
  }

  /** Puts a new key in use at once. Entra goes on publishing the old one, so that is the default. */
  async rotate({ keepOld = true }: { keepOld?: boolean } = {}): Promise<void> {
    const [next, previous] = await Promise.all([makeSigningKey(), this.#current]);
    this.#older = keepOld ? [previous, ...this.#older] : [];
    this.#current = Promise.resolve(next);
  }

  /** Resolves when no key is being made any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#current, this.#unpublished, this.#graph]);
  }
}
