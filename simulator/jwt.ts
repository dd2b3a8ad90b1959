import { type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';

// The callback forms run on libuv's threads: minting thousands of tokens leaves the event loop free.
const signAsync = promisify(sign) as (algorithm: string, data: Buffer, key: KeyObject) => Promise<Buffer>;
const verifyAsync = promisify(verify) as (
  algorithm: string,
  data: Buffer,
  key: Parameters<typeof verify>[2],
  signature: Buffer,
) => Promise<boolean>;

export type JsonObject = Record<string, unknown>;
export type DecodedJwt = { header: JsonObject; claims: JsonObject; signed: Buffer; signature: Buffer };

/** Signs with RS256. The header is written as given, even where it lies about the algorithm. */
export async function signJwt(header: JsonObject, claims: JsonObject, key: KeyObject): Promise<string> {
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = await signAsync('RSA-SHA256', Buffer.from(signed), key);
  return `${signed}.${signature.toString('base64url')}`;
}

/** Takes a compact JWS apart without verifying it; undefined when it is not one. */
export function decodeJwt(token: string): DecodedJwt | undefined {
  const [header, payload, signature, ...rest] = token.split('.');
  if (header === undefined || payload === undefined || !signature || rest.length > 0) return undefined;
  const decodedHeader = decode(header);
  const claims = decode(payload);
  if (!decodedHeader || !claims) return undefined;
  return {
    header: decodedHeader,
    claims,
    signed: Buffer.from(`${header}.${payload}`),
    signature: Buffer.from(signature, 'base64url'),
  };
}

const saltLength = 32;
const psPadding = 6; // constants.RSA_PKCS1_PSS_PADDING

/** Verifies RS256, and PS256 where the caller allows it; any other algorithm is refused. */
export async function verifyJwt(jwt: DecodedJwt, key: KeyObject, algorithms: string[]): Promise<boolean> {
  const algorithm = jwt.header.alg;
  if (typeof algorithm !== 'string' || !algorithms.includes(algorithm)) return false;
  if (key.asymmetricKeyType !== 'rsa') return false;
  const verifier = algorithm === 'PS256' ? { key, padding: psPadding, saltLength } : key;
  return verifyAsync('RSA-SHA256', jwt.signed, verifier, jwt.signature);
}

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}
