import { z } from 'zod';
import { Secret } from '../../core/secret.ts';

/** A refusal of a token, with the real cause for the log; the caller only gets `invalid_token`. */
export class TokenRefused extends Error {
  readonly tenantId: string | null;

  constructor(cause: string, tenantId: string | null = null) {
    super(cause);
    this.name = 'TokenRefused';
    this.tenantId = tenantId;
  }
}

/** A parsed token; nothing in it is verified yet. */
export type UnverifiedToken = {
  readonly keyId: string;
  /** Says only whose keys to verify with. */
  readonly tenantId: string;
};

/** Larger tokens are refused before any parsing: 16 kB, in bytes. */
const maxTokenBytes = 16 * 1024;
const maxKeyIdLength = 256;
// Entra's claims nest two or three deep; thousands would fit into a token and overflow the stack.
const maxDepth = 32;

// RFC 6750 2.1 allows more characters, but ours is a JWS in compact serialization (RFC 7515 3.1):
// three segments of base64url, none of them empty.
const bearer = /^Bearer ([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/i;

// Entra signs with RS256 and names its key by `kid`. `crit` and `b64` would change what is signed, and
// `jwk`, `jku`, `x5u`, `x5c` bring their own key: Entra never sends any of them.
const header = z.looseObject({
  typ: z.literal('JWT'),
  alg: z.literal('RS256'),
  kid: z.string().min(1).max(maxKeyIdLength),
});
const foreignHeaderParameters = ['crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'enc', 'zip', 'cty'];
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i);

const scheme = 'Bearer ';

/** The token in a header that `takeBearerToken` accepted earlier. */
export function bearerTokenIn(header: string): Secret {
  return new Secret(header.slice(scheme.length));
}

/** Takes the bearer token out of a request's one `Authorization` header (RFC 6750 2.1; query and body
 *  are not accepted) and parses it strictly. Throws `TokenRefused` for anything that is not
 *  exactly one well-formed token. */
export function takeBearerToken(value: string): UnverifiedToken {
  if (value.length > maxTokenBytes) throw new TokenRefused('the token is larger than 16 kB');
  const match = bearer.exec(value);
  if (match === null) throw new TokenRefused('not a bearer token in compact serialization');
  const [, headerPart = '', payloadPart = '', signaturePart = ''] = match;
  if (!isCanonical(signaturePart)) throw new TokenRefused('the signature is not canonical base64url');

  const parsedHeader = decodeObject(headerPart, 'header');
  const foreign = foreignHeaderParameters.find((parameter) => parameter in parsedHeader);
  if (foreign !== undefined) throw new TokenRefused(`the header has ${foreign}`);
  const checked = header.safeParse(parsedHeader);
  if (!checked.success) {
    throw new TokenRefused(`the header's ${wrongMembers(checked.error)} is not Entra's`);
  }

  const tenantId = guid.safeParse(decodeObject(payloadPart, 'payload').tid);
  if (!tenantId.success) throw new TokenRefused('tid is not a GUID');
  return {
    keyId: checked.data.kid,
    tenantId: tenantId.data.toLowerCase(),
  };
}

/** The names of the members that are not as they should be. */
export function wrongMembers({ issues }: z.ZodError): string {
  return issues.map(({ path: [name] }) => name).join(', ');
}

function decodeObject(segment: string, what: string): Record<string, unknown> {
  if (!isCanonical(segment)) throw new TokenRefused(`the ${what} is not canonical base64url`);
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(Buffer.from(segment, 'base64url'));
    value = JSON.parse(text);
  } catch {
    throw new TokenRefused(`the ${what} is not JSON in UTF-8`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TokenRefused(`the ${what} is not a JSON object`);
  }
  if (countMembers(value, what) !== countColons(text)) throw new TokenRefused(`the ${what} has a key twice`);
  return value as Record<string, unknown>;
}

/** One text for one value (RFC 4648 3.5): no length that decodes to nothing, no stray trailing bits. */
function isCanonical(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

// JSON.parse silently keeps the last of two equal keys; another parser may keep the first. A
// text has as many members as colons outside of strings, so a repeated key shows as one too many.
function countColons(json: string): number {
  return json.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
}

function countMembers(value: unknown, what: string, depth = 0): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > maxDepth) throw new TokenRefused(`the ${what} is nested too deeply`);
  const inner = Object.values(value);
  const own = Array.isArray(value) ? 0 : inner.length;
  return inner.reduce((sum: number, member) => sum + countMembers(member, what, depth + 1), own);
}
