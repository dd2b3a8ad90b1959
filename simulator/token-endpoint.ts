import { readClaimsDemand } from './claims-demand.ts';
import { personByOid, registration } from './directory.ts';
import { EntraError, entraErrorReply, entraHeaders, traceOf } from './entra-error.ts';
import { type DecodedJwt, decodeJwt, type JsonObject, signJwt, verifyJwt } from './jwt.ts';
import { opaque } from './opaque.ts';
import { jsonReply, type Received, type Reply } from './reply.ts';
import type { Simulation, Tenant } from './simulation.ts';
import { graphClaims, issuerOf } from './tokens.ts';

const permission = 'DeviceManagementConfiguration.ReadWrite.All';
export const graphAudiences = [
  'https://graph.microsoft.com',
  'https://graph.microsoft.us',
  'https://dod-graph.microsoft.us',
  'https://microsoftgraph.chinacloudapi.cn',
];
export const openIdScopes = ['openid', 'profile', 'email', 'offline_access'];
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** `POST /{tenant}/oauth2/v2.0/token`: the on-behalf-of grant, checked as Entra checks it. */
export async function token(simulation: Simulation, request: Received, tenantId: string): Promise<Reply> {
  const trace = traceOf(request.headers, simulation.now());
  try {
    const granted = await exchange(simulation, request, simulation.tenant(tenantId));
    return jsonReply(200, granted, entraHeaders(trace));
  } catch (error) {
    if (error instanceof EntraError) return entraErrorReply(error, trace, simulation.url);
    throw error;
  }
}

async function exchange(simulation: Simulation, request: Received, tenant: Tenant): Promise<JsonObject> {
  const form = readForm(request);
  checkGrant(form);
  const strength = await simulation.credentials.authenticate(form, tenant.id);
  const { audience, openId } = readScope(form.get('scope') ?? '');
  const assertion = await verifyAssertion(simulation, tenant, form.get('assertion') ?? '');
  checkPerson(simulation, tenant, assertion);

  const lifetime = simulation.graphTokenLifetime;
  const { capabilities } = readClaimsDemand(form.get('claims'));
  const grant = {
    assertion,
    tenantId: tenant.id,
    audience,
    lifetime,
    clientStrength: strength,
    capabilities,
  };
  const claims = graphClaims({ ...grant, scope: `${permission} email openid profile` }, simulation.moment());
  const key = await tenant.keys.graph();
  const header = { typ: 'JWT', nonce: opaque(32), alg: 'RS256', x5t: key.kid, kid: key.kid };
  return {
    token_type: 'Bearer',
    scope: [`${audience}/${permission}`, ...openId.filter((one) => one !== 'offline_access')].join(' '),
    expires_in: lifetime,
    ext_expires_in: lifetime,
    access_token: await signJwt(header, claims, key.privateKey),
    ...(openId.includes('offline_access') ? { refresh_token: `1.${opaque(700)}` } : {}),
    ...(openId.includes('openid') ? { id_token: await idToken(simulation, tenant, assertion) } : {}),
    ...(form.get('client_info') === '1' ? { client_info: clientInfoOf(assertion.oid, tenant.id) } : {}),
  };
}

export function readForm(request: Received): URLSearchParams {
  const type = request.headers['content-type'] ?? '';
  if (!type.toLowerCase().startsWith('application/x-www-form-urlencoded')) {
    throw new EntraError(90014, {
      detail: `Send the parameters as application/x-www-form-urlencoded, not '${type}'.`,
    });
  }
  return new URLSearchParams(request.body);
}

function checkGrant(form: URLSearchParams): void {
  const grant = form.get('grant_type');
  if (grant === null) missing('grant_type');
  if (grant !== jwtBearer) {
    throw new EntraError(70003, {
      detail: `'${grant}'. The simulator serves on-behalf-of only: '${jwtBearer}'.`,
    });
  }
  for (const name of ['client_id', 'assertion', 'scope']) if (!form.get(name)) missing(name);
  if (form.get('requested_token_use') !== 'on_behalf_of') {
    throw new EntraError(90014, { detail: "requested_token_use must be 'on_behalf_of'." });
  }
  const clientId = form.get('client_id') ?? '';
  if (clientId.toLowerCase() !== registration.clientId) {
    throw new EntraError(700016, {
      detail: `Application with identifier '${clientId}' (the simulator's is ${registration.clientId}).`,
    });
  }
}

function missing(name: string): never {
  throw new EntraError(90014, { detail: `The request body must contain the parameter '${name}'.` });
}

function readScope(scope: string): { audience: string; openId: string[] } {
  const scopes = scope.split(' ').filter(Boolean);
  const openId = scopes.filter((one) => openIdScopes.includes(one));
  const resources = scopes.filter((one) => !openIdScopes.includes(one));
  const audience = graphAudiences.find((host) => resources[0] === `${host}/${permission}`);
  if (resources.length !== 1 || !audience) {
    throw new EntraError(70011, {
      detail: `The scope '${scope}' is not valid. This registration may ask for ${graphAudiences[0]}/${permission} (or the same of another cloud) and nothing else.`,
    });
  }
  return { audience, openId };
}

async function verifyAssertion(
  simulation: Simulation,
  tenant: Tenant,
  assertion: string,
): Promise<JsonObject> {
  const jwt = decodeJwt(assertion);
  if (!jwt) throw new EntraError(50027, { detail: 'assertion is not a JWT.' });
  await checkSignature(tenant, jwt);
  const { claims } = jwt;
  const now = simulation.now() / 1000;
  const issuers = [issuerOf('1.0', tenant.id, simulation.url), issuerOf('2.0', tenant.id, simulation.url)];
  if (!issuers.includes(String(claims.iss)) || claims.tid !== tenant.id) {
    throw new EntraError(50013, {
      detail: `[Reason - issuer '${String(claims.iss)}' is not this tenant's.]`,
    });
  }
  if (typeof claims.exp !== 'number' || claims.exp <= now) {
    throw new EntraError(500133, {
      detail: `Current time: ${new Date(simulation.now()).toISOString()}, expiry time of assertion ${expiry(claims.exp)}.`,
    });
  }
  if (claims.aud !== registration.clientId && claims.aud !== registration.audience) {
    throw new EntraError(500131, {
      detail: `The audience in the assertion was '${String(claims.aud)}' and the expected audience is '${registration.clientId}' or '${registration.audience}'.`,
    });
  }
  if (claims.idtyp === 'app') {
    throw new EntraError(7000114, {
      detail: 'The assertion is an app-only token; on-behalf-of needs a user.',
    });
  }
  if (typeof claims.scp !== 'string' || typeof claims.oid !== 'string') {
    throw new EntraError(50013, { detail: '[Reason - not a delegated access token: it has no scp.]' });
  }
  return claims;
}

async function checkSignature(tenant: Tenant, jwt: DecodedJwt): Promise<void> {
  const published = await tenant.keys.published();
  const key = published.find(({ kid }) => kid === jwt.header.kid);
  if (!key) {
    throw new EntraError(50013, {
      detail: `[Reason - The key was not found. Thumbprint of key used by client: '${String(jwt.header.kid).slice(0, 100)}'.]`,
    });
  }
  if (!(await verifyJwt(jwt, key.publicKey, ['RS256']))) {
    throw new EntraError(50013, {
      detail: '[Reason - The provided signature value did not match the expected signature value.]',
    });
  }
}

function checkPerson(simulation: Simulation, tenant: Tenant, assertion: JsonObject): void {
  const person = personByOid(tenant.id, assertion.oid);
  const behaviour = simulation.behaviourOf(person);
  // A sign-in from after the revocation is a session of its own.
  const session = typeof assertion.sid === 'string' ? assertion.sid : undefined;
  if (behaviour.revoked && !simulation.signIns.findSession(session, tenant.id)) throw new EntraError(50173);
  if (behaviour.consentMissing) {
    throw new EntraError(65001, {
      detail: `ID '${registration.clientId}' named 'ChromeOS connector BFF'. Send an interactive authorization request for this user and resource.`,
    });
  }
  if (behaviour.mfaRequired !== undefined && !satisfies(assertion, behaviour.mfaRequired)) {
    throw new EntraError(50076, { claims: behaviour.mfaRequired });
  }
  if (behaviour.deviceNotCompliant) throw new EntraError(53000);
  if (behaviour.entraErrorCode !== undefined) throw new EntraError(behaviour.entraErrorCode);
}

/** A caller who came back with a demanded authentication context has it in `acrs`. */
function satisfies(assertion: JsonObject, challenge: string): boolean {
  const { contexts } = readClaimsDemand(challenge);
  return [assertion.acrs].flat().some((one) => contexts.includes(String(one)));
}

async function idToken(simulation: Simulation, tenant: Tenant, assertion: JsonObject): Promise<string> {
  const { nowSeconds } = simulation.moment();
  const key = await tenant.keys.current();
  const { name, oid, sub } = assertion;
  const claims = {
    aud: registration.clientId,
    iss: issuerOf('2.0', tenant.id, simulation.url),
    iat: nowSeconds - 300,
    nbf: nowSeconds - 300,
    exp: nowSeconds + 3600,
    name,
    oid,
    preferred_username: assertion.preferred_username ?? assertion.upn ?? assertion.unique_name,
    rh: `1.${opaque(36)}`,
    sub,
    tid: tenant.id,
    uti: opaque(16),
    ver: '2.0',
  };
  return signJwt({ typ: 'JWT', alg: 'RS256', kid: key.kid }, claims, key.privateKey);
}

/** Which account it is, as MSAL reads it. */
export function clientInfoOf(oid: unknown, tenantId: string): string {
  return Buffer.from(JSON.stringify({ uid: oid, utid: tenantId })).toString('base64url');
}

function expiry(exp: unknown): string {
  return typeof exp === 'number' ? new Date(exp * 1000).toISOString() : String(exp);
}
