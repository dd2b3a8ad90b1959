import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Caller, CallerKind } from '../../core/caller.ts';
import { storable } from '../outbound/storable.ts';
import { TokenRefused, wrongMembers } from './access-token.ts';

// The claims we rely on, with their types. All others are ignored.
const text = z.string().min(1).max(2048);
// Entra's ids are GUIDs. So what is recorded and logged as an id has no NUL and no line break in it.
const id = z.string().regex(/^[\x21-\x7e]{1,128}$/);
const seconds = z.number().int().nonnegative();
// Numbers, as Entra writes them: in one string with blanks, alone, or in a list.
const facets = z
  .union([z.string().max(256), z.number(), z.array(z.union([z.string().max(16), z.number()])).max(32)])
  .optional();
const accessToken = z.looseObject({
  aud: text,
  iss: text,
  tid: text,
  oid: id,
  exp: seconds,
  nbf: seconds.optional(),
  iat: seconds.optional(),
  azp: id.optional(),
  appid: id.optional(),
  scp: z.string().max(8192).optional(),
  roles: z.array(z.string()).optional(),
  acrs: z.union([z.array(z.string()), z.string()]).optional(),
  idtyp: z.string().optional(),
  xms_sub_fct: facets,
  xms_act_fct: facets,
  acct: z.union([z.number(), z.string()]).optional(),
  idp: z.string().optional(),
  preferred_username: z.string().optional(),
  upn: z.string().optional(),
  unique_name: z.string().optional(),
});

/** Reads a caller out of the payload of a verified access token, v1.0 or v2.0. `issuers` are the
 *  tenant's own. Throws `TokenRefused` for a payload that is not an Entra access token. */
export function callerFrom(
  payload: unknown,
  issuers: readonly string[],
): { caller: Caller; expiresAt: number } {
  const parsed = accessToken.safeParse(payload);
  if (!parsed.success) {
    throw new TokenRefused(`the claim ${wrongMembers(parsed.error)} has the wrong form`);
  }
  const claims = parsed.data;
  // An ID token names its recipient in `aud` only; only access tokens name the calling app.
  const clientId = claims.azp ?? claims.appid;
  if (clientId === undefined) throw new TokenRefused('neither azp nor appid: not an access token');
  if (claims.azp !== undefined && claims.appid !== undefined && claims.azp !== claims.appid) {
    throw new TokenRefused('azp and appid disagree');
  }
  const scopes = (claims.scp ?? '').split(' ').filter((scope) => scope !== '');
  return {
    caller: {
      oid: claims.oid.toLowerCase(),
      tenantId: intern(claims.tid.toLowerCase()),
      name: displayName(claims.preferred_username ?? claims.upn ?? claims.unique_name),
      clientId: intern(clientId.toLowerCase()),
      kind: kindOf(claims),
      guest: isGuest(claims, issuers),
      scopes: scopes.map(intern),
      roles: (claims.roles ?? []).map(intern),
      authenticationContexts: [claims.acrs ?? []].flat(),
    },
    expiresAt: claims.exp * 1000,
  };
}

// Strings that most tokens share are in memory once, not once for each caller.
const common = new LRUCache<string, string>({ max: 1000 });

function intern(text: string): string {
  const known = common.get(text);
  if (known !== undefined) return known;
  common.set(text, text);
  return text;
}

/** Microsoft Entra Agent ID: what a subject or an actor is, by number. */
const agentIdentity = 11;
const agentUser = 13;

/** An app-only token is on behalf of nobody. An agent's user account has a scope and an object id as a person has;
 *  only its facets show that it is an agent's. */
function kindOf({ idtyp, scp, xms_sub_fct, xms_act_fct }: z.infer<typeof accessToken>): CallerKind {
  if (idtyp === 'app' || scp === undefined) return 'app';
  const subject = facetsIn(xms_sub_fct);
  const isAgent =
    subject.includes(agentUser) ||
    subject.includes(agentIdentity) ||
    facetsIn(xms_act_fct).includes(agentIdentity);
  return isAgent ? 'agent' : 'user';
}

function facetsIn(claim: z.infer<typeof facets>): number[] {
  return String(claim ?? '')
    .split(/[ ,]+/)
    .map(Number);
}

function isGuest(claims: z.infer<typeof accessToken>, issuers: readonly string[]): boolean {
  // Optional claims: their absence means unknown, which is why our registration must ask for `acct`.
  if (claims.acct !== undefined && String(claims.acct) === '1') return true;
  return claims.idp !== undefined && claims.idp !== claims.iss && !issuers.includes(claims.idp);
}

// PostgreSQL's text takes no NUL and no half of a surrogate pair.
function displayName(name: string | undefined): string | null {
  if (name === undefined || name === '') return null;
  return storable(name).slice(0, 256);
}
