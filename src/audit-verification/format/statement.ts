import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** What is said of a chain under a signature. A `checkpoint`: the chain's event of that number has that
 *  link. A `removal`: everything up to that number was removed by retention, and that was its link. */
export type Statement = {
  readonly type: 'checkpoint' | 'removal';
  readonly chain: string;
  readonly number: number;
  /** In hexadecimal. */
  readonly link: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Which key signed; `null` where none did. */
  readonly keyId: string | null;
};

/** A statement as it is stored and printed: its canonical text, and the Ed25519 signature over it (RFC
 *  8032), if there is one. */
export type SignedStatement = {
  readonly statement: Statement;
  readonly text: string;
  readonly signature: Buffer | null;
};

export type Signer = { readonly keyId: string; readonly sign: (text: string) => Buffer };
export type Verifier = {
  readonly keyId: string;
  readonly verify: (text: string, signature: Buffer) => boolean;
};

/** A signer from a private key in PKCS#8 PEM. Throws where that is no Ed25519 key. */
export function signerFrom(pem: string): Signer {
  const key = ed25519(createPrivateKey(pem));
  return { keyId: keyIdOf(createPublicKey(key)), sign: (text) => sign(null, Buffer.from(text, 'utf8'), key) };
}

/** A verifier from a public key in SPKI PEM. Throws where that is no Ed25519 key. */
export function verifierFrom(pem: string): Verifier {
  const key = ed25519(createPublicKey(pem));
  return {
    keyId: keyIdOf(key),
    verify: (text, signature) => verify(null, Buffer.from(text, 'utf8'), key, signature),
  };
}

/** Puts a statement into words and signs them, if there is a key. */
export function sealed(statement: Omit<Statement, 'keyId'>, signer: Signer | null): SignedStatement {
  const complete: Statement = { ...statement, keyId: signer?.keyId ?? null };
  const text = canonicalJson(complete);
  return { statement: complete, text, signature: signer?.sign(text) ?? null };
}

/** The first 16 hexadecimal digits of the SHA-256 of the public key's SPKI in DER. */
function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 16);
}

function ed25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('the key is not an Ed25519 key');
  return key;
}
