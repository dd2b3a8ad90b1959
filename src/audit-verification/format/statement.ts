import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson, isCanonical } from './canonical-json.ts';

/** A statement about a chain, to be signed. A `checkpoint`: the chain's event of that number has that
 *  link. A `removal`: everything up to that number was removed by retention, and that was its link. */
export type Statement = {
  readonly type: 'checkpoint' | 'removal';
  readonly chain: string;
  readonly number: number;
  /** In hexadecimal. */
  readonly link: string;
  /** The digest of the checkpoint that the same key signed before this one, or, for the first of a key, that an
   *  earlier key signed last; `null` where there is none. Of a removal: the digest of the checkpoint up to which it
   *  removed. Statements made before checkpoints were linked do not have it. */
  readonly previous?: string | null;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** The key that signed; `null` if none did. */
  readonly keyId: string | null;
};

/** A statement as it is stored and printed: its canonical text, and the Ed25519 signature over it (RFC
 *  8032), if there is one. */
export type SignedStatement = {
  readonly statement: Statement;
  readonly text: string;
  readonly signature: Buffer | null;
};

export type Signer = {
  readonly keyId: string;
  readonly sign: (text: string) => Buffer;
  /** Of what it signed. */
  readonly verifier: Verifier;
};
export type Verifier = {
  readonly keyId: string;
  readonly verify: (text: string, signature: Buffer) => boolean;
};

/** A signer from a private key in PKCS#8 PEM. Throws where that is no Ed25519 key. */
export function signerFrom(pem: string): Signer {
  const key = ed25519(createPrivateKey(pem));
  const verifier = verifierOf(createPublicKey(key));
  return {
    keyId: verifier.keyId,
    sign: (text) => sign(null, Buffer.from(text, 'utf8'), key),
    verifier,
  };
}

/** Verifiers from public keys in SPKI PEM, any number of them in one text, by key id. Throws where one is no
 *  Ed25519 key. */
export function verifiersFrom(pem: string): Map<string, Verifier> {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw new Error('there is no public key in it');
  return new Map(blocks.map(verifierFrom).map((verifier) => [verifier.keyId, verifier]));
}

/** A verifier from a public key in SPKI PEM. Throws where that is no Ed25519 key. */
export function verifierFrom(pem: string): Verifier {
  return verifierOf(ed25519(createPublicKey(pem)));
}

function verifierOf(key: KeyObject): Verifier {
  return {
    keyId: keyIdOf(key),
    verify: (text, signature) => verify(null, Buffer.from(text, 'utf8'), key, signature),
  };
}

/** The digest by which a later checkpoint names this one: the SHA-256 of its text, in hexadecimal. */
export function statementDigest(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** The statement in a text; `null` if it is not one, or not written as the service writes it. */
export function parseStatement(text: string): Statement | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const names = Object.keys(value).join();
  if (
    names !== 'chain,keyId,link,number,previous,time,type' &&
    names !== 'chain,keyId,link,number,time,type'
  ) {
    return null;
  }
  const { type, chain, number, link, previous, time, keyId } = value as Record<string, unknown>;
  const isHash = (hash: unknown) => typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash);
  const sound =
    (type === 'checkpoint' || type === 'removal') &&
    typeof chain === 'string' &&
    Number.isSafeInteger(number) &&
    Number(number) > 0 &&
    isHash(link) &&
    (previous === undefined || previous === null || isHash(previous)) &&
    typeof time === 'string' &&
    !Number.isNaN(Date.parse(time)) &&
    (keyId === null || typeof keyId === 'string') &&
    isCanonical(text, value);
  return sound ? (value as Statement) : null;
}

/** The statement in a text if one of the keys signed it, else `null`. */
export function signedStatement(
  { text, signature }: { readonly text: string; readonly signature: Buffer | null },
  verifiers: ReadonlyMap<string, Verifier>,
): Statement | null {
  const statement = parseStatement(text);
  if (statement === null || statement.keyId === null || signature === null) return null;
  return verifiers.get(statement.keyId)?.verify(text, signature) === true ? statement : null;
}

/** Makes a statement's text and signs it, if there is a key. */
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
