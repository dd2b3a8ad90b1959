import { EntraError } from './entra-error.ts';

/** What the `claims` parameter asks of a sign-in. */
export type ClaimsDemand = {
  /** As it came, to be handed back with a refusal. */
  json: string;
  /** What the client says it can handle: `cp1`, claims challenges. */
  capabilities: string[];
  /** The authentication contexts of which one must be proven; none asked for: empty. */
  contexts: string[];
  /** Only a sign-in after this moment will do, in seconds: what a revocation's challenge asks for. */
  notBefore: number;
};

type Member = { essential?: unknown; value?: unknown; values?: unknown } | null;

const noDemand: ClaimsDemand = { json: '', capabilities: [], contexts: [], notBefore: 0 };

/** Reads the `claims` parameter as OpenID Connect shapes it. */
export function readClaimsDemand(claims: string | null): ClaimsDemand {
  if (claims === null || claims === '') return noDemand;
  const asked = accessTokenMembers(claims);
  const notBefore = Number(valuesOf(asked.nbf)[0] ?? 0);
  return {
    json: claims,
    capabilities: valuesOf(asked.xms_cc),
    contexts: valuesOf(asked.acrs),
    notBefore: Number.isFinite(notBefore) ? notBefore : 0,
  };
}

/** Whether what was proven is what is asked for. */
export function isProven(demand: ClaimsDemand, proven: readonly string[]): boolean {
  return demand.contexts.length === 0 || demand.contexts.some((context) => proven.includes(context));
}

function accessTokenMembers(claims: string): Record<string, Member> {
  try {
    const { access_token: members } = JSON.parse(claims) as { access_token?: Record<string, Member> };
    return typeof members === 'object' && members !== null ? members : {};
  } catch {
    throw new EntraError(90014, { detail: "The parameter 'claims' is not a JSON object." });
  }
}

function valuesOf(member: Member | undefined): string[] {
  if (typeof member !== 'object' || member === null) return [];
  const { value, values } = member;
  return [...(value === undefined ? [] : [value]), ...(Array.isArray(values) ? values : [])].map(String);
}
