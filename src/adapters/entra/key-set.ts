import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';

/** A key set as Entra publishes it (RFC 7517), with the two members it adds to a key: whose tokens the key
 *  signs, and in which cloud. */
export const keySet = z.object({
  keys: z.array(
    z.looseObject({
      kty: z.string(),
      kid: z.string().optional(),
      use: z.string().optional(),
      alg: z.string().optional(),
      issuer: z.string().optional(),
      cloud_instance_name: z.string().optional(),
    }),
  ),
});

type Jwk = z.infer<typeof keySet>['keys'][number];

/** A public key, and the issuers whose tokens it verifies. */
export type VerificationKey = { readonly key: KeyObject; readonly issuers: readonly string[] };

/** What keys are compared with: their tenant, its issuers, and the cloud it is in. */
export type TenantIdentity = {
  readonly tenantId: string;
  /** The issuers of v1.0 and v2.0 tokens. */
  readonly issuers: readonly string[];
  /** The issuer of v2.0 tokens; `null` where the tenant has no v2.0 metadata. */
  readonly v2Issuer: string | null;
  /** `cloud_instance_name`; `null` if it is not known. */
  readonly cloudName: string | null;
};

// NIST SP 800-131A: nothing shorter. Every exponent but this one is a mistake or an attack: with 1 a
// signature is its own message.
const minimumModulusBits = 2048;
const publicExponent = 65537n;

/** The keys that verify tokens of this tenant, by their id. Left out are keys for other uses, weak ones, and
 *  those that Entra marks for another issuer or another cloud: key sets are shared by all tenants. */
export function verificationKeys(
  keys: readonly Jwk[],
  tenant: TenantIdentity,
): ReadonlyMap<string, VerificationKey> {
  const found = new Map<string, VerificationKey>();
  for (const jwk of keys) {
    const issuers = issuersFor(jwk, tenant);
    if (jwk.kid === undefined || issuers.length === 0) continue;
    const key = rsaKeyFrom(jwk);
    if (key === null) continue;
    // The same key may be in two sets, and only one of them name its issuer.
    const known = found.get(jwk.kid);
    if (known === undefined) found.set(jwk.kid, { key, issuers });
    else if (known.key.equals(key)) {
      found.set(jwk.kid, { key: known.key, issuers: [...new Set([...known.issuers, ...issuers])] });
    }
  }
  return found;
}

/** Keys are marked with issuers of v2.0 tokens, but sign v1.0 tokens too. So a key that names the tenant's v2.0
 *  issuer counts for both, as it does in Microsoft's own validator (AadSigningKeyIssuerValidator). */
function issuersFor(jwk: Jwk, { tenantId, issuers, v2Issuer, cloudName }: TenantIdentity): readonly string[] {
  if (jwk.cloud_instance_name !== undefined && jwk.cloud_instance_name !== cloudName) return [];
  if (jwk.issuer === undefined) return issuers;
  const issuer = jwk.issuer.replace('{tenantid}', tenantId);
  return issuer === v2Issuer ? issuers : issuers.filter((candidate) => candidate === issuer);
}

function rsaKeyFrom(jwk: Jwk): KeyObject | null {
  if (jwk.kty !== 'RSA' || (jwk.use ?? 'sig') !== 'sig' || (jwk.alg ?? 'RS256') !== 'RS256') return null;
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const { modulusLength = 0, publicExponent: exponent } = key.asymmetricKeyDetails ?? {};
    return modulusLength >= minimumModulusBits && exponent === publicExponent ? key : null;
  } catch {
    // One unreadable key must not cost us the others.
    return null;
  }
}
