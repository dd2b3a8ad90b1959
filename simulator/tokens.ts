import { createHash } from 'node:crypto';
import { addressIn, foreignTenantId, oidIn, type Person, portalClientId, registration } from './directory.ts';
import type { JsonObject } from './jwt.ts';
import { opaque } from './opaque.ts';

type TokenKind = 'user' | 'app-only' | 'id-token' | 'guest';

/** How a minted token differs from what Entra would issue for this person. */
export type TokenOptions = {
  version?: '1.0' | '2.0';
  tenantId?: string;
  kind?: TokenKind;
  /** Merged over the claims; a claim set to undefined is left out. */
  claims?: JsonObject;
  /** Merged over the header; the signature stays RS256 whatever the header says. */
  header?: JsonObject;
  /** Lifetime in seconds; negative for a token that has expired. Default 4,500. */
  expiresIn?: number;
  key?: 'current' | 'unpublished';
  /** Another user with this person's roles: mints as many different users as a test wants. */
  oid?: string;
};

/** Entra's pairwise subject: stable for one user and one app, meaningless to anyone else. */
function subject(oid: string, audience: string): string {
  return createHash('sha256').update(`${oid}|${audience}`).digest('base64url');
}

export type Moment = { nowSeconds: number; url: string };

/** The claims of a token for the service's API, as Entra issues them. */
export function apiClaims(person: Person, options: TokenOptions, moment: Moment): JsonObject {
  const version = options.version ?? '2.0';
  const tenantId = options.tenantId ?? registration.tenantId;
  const kind = options.kind ?? (person.foreignTenantId ? 'guest' : 'user');
  const oid = options.oid ?? oidIn(tenantId, person);
  const lifetime = options.expiresIn ?? 4500;
  // Entra dates tokens five minutes back to allow for clocks that are behind.
  const issuedAt = moment.nowSeconds - 300 + Math.min(lifetime, 0);
  const common: JsonObject = {
    aud: version === '1.0' ? registration.audience : registration.clientId,
    iss: issuerOf(version, tenantId, moment.url),
    iat: issuedAt,
    nbf: issuedAt,
    exp: moment.nowSeconds + lifetime,
    aio: opaque(60),
    oid,
    rh: `1.${opaque(36)}`,
    sub: subject(oid, registration.clientId),
    tid: tenantId,
    uti: opaque(16),
    ver: version,
  };
  const all = {
    ...common,
    ...appClaims(version, kind),
    ...(kind === 'app-only' ? appOnlyClaims(person) : userClaims(person, tenantId, version, kind)),
    ...options.claims,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export function issuerOf(version: '1.0' | '2.0', tenantId: string, url: string): string {
  return version === '1.0' ? `https://sts.windows.net/${tenantId}/` : `${url}/${tenantId}/v2.0`;
}

function appClaims(version: '1.0' | '2.0', kind: TokenKind): JsonObject {
  if (kind === 'id-token') return { nonce: opaque(12) };
  const strength = kind === 'app-only' ? '1' : '0';
  return version === '1.0'
    ? { appid: portalClientId, appidacr: strength }
    : { azp: portalClientId, azpacr: strength };
}

function appOnlyClaims(person: Person): JsonObject {
  const servicePrincipal = '5a1e0000-5e4c-4000-8000-0000000000a1';
  return { idtyp: 'app', oid: servicePrincipal, sub: servicePrincipal, roles: [...person.roles] };
}

function userClaims(person: Person, tenantId: string, version: '1.0' | '2.0', kind: TokenKind): JsonObject {
  const isGuest = kind === 'guest' || person.foreignTenantId !== undefined;
  const address = addressIn(tenantId, person, isGuest);
  const cameFrom = person.foreignTenantId ?? foreignTenantId;
  return {
    acct: isGuest ? 1 : 0,
    ...(isGuest ? { idp: `https://sts.windows.net/${cameFrom}/` } : {}),
    name: person.displayName,
    ...(version === '1.0'
      ? {
          acr: '1',
          amr: ['pwd', 'mfa'],
          family_name: person.familyName,
          given_name: person.givenName,
          ipaddr: '203.0.113.7',
          unique_name: address,
          ...(isGuest ? { email: address } : { upn: address }),
        }
      : { preferred_username: address }),
    ...(person.roles.length > 0 ? { roles: [...person.roles] } : {}),
    ...(kind === 'id-token' ? {} : { scp: 'access_as_user', xms_cc: ['cp1'] }),
  };
}

type SignIn = { tenantId: string; nonce: string | undefined; sessionId: string };

/** The claims of the id token that tells the portal who has signed in. */
export function idTokenClaims(person: Person, signIn: SignIn, moment: Moment): JsonObject {
  const { tenantId, nonce, sessionId } = signIn;
  // The roles are the service's, not the portal's own, so they are not in the portal's id token.
  const { roles: _roles, ...who } = userClaims(person, tenantId, '2.0', 'id-token');
  const oid = oidIn(tenantId, person);
  const issuedAt = moment.nowSeconds - 300;
  return {
    aud: portalClientId,
    iss: issuerOf('2.0', tenantId, moment.url),
    iat: issuedAt,
    nbf: issuedAt,
    exp: moment.nowSeconds + 3600,
    ...who,
    ...(nonce === undefined ? {} : { nonce }),
    oid,
    rh: `1.${opaque(36)}`,
    sid: sessionId,
    sub: subject(oid, portalClientId),
    tid: tenantId,
    uti: opaque(16),
    ver: '2.0',
  };
}

export type GraphGrant = {
  assertion: JsonObject;
  tenantId: string;
  audience: string;
  scope: string;
  lifetime: number;
  /** '1' for a secret, '2' for an assertion. */
  clientStrength: '1' | '2';
  capabilities: string[];
};

/** The claims of a Graph token: about the size and shape of the real one (2 kB encoded). */
export function graphClaims(grant: GraphGrant, moment: Moment): JsonObject {
  const { assertion } = grant;
  const oid = String(assertion.oid);
  const issuedAt = moment.nowSeconds - 300;
  const userName = assertion.upn ?? assertion.preferred_username ?? assertion.unique_name;
  return {
    aud: grant.audience,
    iss: issuerOf('1.0', grant.tenantId, moment.url),
    iat: issuedAt,
    nbf: issuedAt,
    exp: moment.nowSeconds + grant.lifetime,
    acct: assertion.acct ?? 0,
    acr: '1',
    acrs: ['p1', 'urn:user:registersecurityinfo', ...(Array.isArray(assertion.acrs) ? assertion.acrs : [])],
    aio: opaque(120),
    amr: ['pwd', 'mfa'],
    app_displayname: 'ChromeOS connector BFF',
    appid: registration.clientId,
    appidacr: grant.clientStrength,
    family_name: assertion.family_name ?? 'Simulated',
    given_name: assertion.given_name ?? 'Person',
    idtyp: 'user',
    ipaddr: '203.0.113.7',
    name: assertion.name,
    oid,
    platf: '3',
    puid: createHash('sha256').update(oid).digest('hex').slice(0, 16).toUpperCase(),
    rh: `1.${opaque(40)}`,
    scp: grant.scope,
    sid: opaque(27),
    signin_state: ['kmsi'],
    sub: subject(oid, grant.audience),
    tenant_region_scope: 'EU',
    tid: grant.tenantId,
    unique_name: userName,
    upn: userName,
    uti: opaque(16),
    ver: '1.0',
    wids: ['3a2c62db-5318-420d-8d74-23affee5d9d5', 'b79fbf4d-3ef9-4689-8143-76b194e85509'],
    ...(grant.capabilities.length > 0 ? { xms_cc: grant.capabilities } : {}),
    xms_ftd: opaque(43),
    xms_idrel: '1 30',
    xms_st: { sub: assertion.sub },
    xms_tcdt: 1577836800,
  };
}
