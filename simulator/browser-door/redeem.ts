import { isProven, readClaimsDemand } from '../claims-demand.ts';
import { oidIn } from '../directory.ts';
import { EntraError, entraErrorReply, entraHeaders, traceOf } from '../entra-error.ts';
import { type JsonObject, signJwt } from '../jwt.ts';
import { jsonReply, type Received, type Reply } from '../reply.ts';
import type { Simulation, Tenant } from '../simulation.ts';
import { clientInfoOf, readForm } from '../token-endpoint.ts';
import { idTokenClaims } from '../tokens.ts';
import { apiScopes, checkClient, isPortalOrigin, readScopes } from './registered-portal.ts';
import type { Grant } from './sign-ins.ts';

// In seconds; Entra's are 60 to 90 minutes, a fixed figure keeps tests repeatable.
const ACCESS_TOKEN_SECONDS = 4500;

/** `POST /{tenant}/oauth2/v2.0/token`: a single-page application's grants. */
export async function redeem(simulation: Simulation, request: Received, tenantId: string): Promise<Reply> {
  const trace = traceOf(request.headers, simulation.now());
  try {
    return jsonReply(200, await grant(simulation, request, simulation.tenant(tenantId)), entraHeaders(trace));
  } catch (error) {
    if (error instanceof EntraError) return entraErrorReply(error, trace, simulation.url);
    throw error;
  }
}

async function grant(simulation: Simulation, request: Received, tenant: Tenant): Promise<JsonObject> {
  checkOrigin(request);
  const form = readForm(request);
  checkClient(form.get('client_id'));
  const clientInfo = form.get('client_info') === '1';
  switch (form.get('grant_type')) {
    case 'authorization_code': {
      const granted = simulation.signIns.redeemCode(form.get('code'), {
        tenantId: tenant.id,
        redirectUri: form.get('redirect_uri'),
        verifier: form.get('code_verifier'),
      });
      return issue(simulation, tenant, granted, { clientInfo });
    }
    case 'refresh_token': {
      const { grant: granted, expiresAt } = simulation.signIns.refresh(form.get('refresh_token'), tenant.id);
      return issue(simulation, tenant, renewed(granted, form), { clientInfo, expiresAt });
    }
    default:
      throw new EntraError(70003, {
        detail: `'${form.get('grant_type') ?? ''}'. Here are authorization_code and refresh_token only.`,
      });
  }
}

/** A code or refresh token of a single-page application is good for its pages only. */
function checkOrigin(request: Received): void {
  const { origin } = request.headers;
  if (origin === undefined) throw new EntraError(9002327);
  if (!isPortalOrigin(origin)) throw new EntraError(9002326, { detail: `Request origin: '${origin}'.` });
}

/** The grant as the portal asks for it now: other scopes, and perhaps more proof than was given. */
function renewed(granted: Grant, form: URLSearchParams): Grant {
  const { session } = granted;
  if (session.revoked) throw new EntraError(50173);
  const demand = readClaimsDemand(form.get('claims'));
  const tooOld = session.signedInAt / 1000 < demand.notBefore;
  if (tooOld || !isProven(demand, session.contexts)) throw new EntraError(50076, { claims: demand.json });
  const { nonce: _onlyForTheFirst, ...rest } = granted;
  return {
    ...rest,
    scopes: form.get('scope') === null ? granted.scopes : readScopes(form.get('scope')),
    capabilities: demand.json === '' ? granted.capabilities : demand.capabilities,
  };
}

async function issue(
  simulation: Simulation,
  tenant: Tenant,
  granted: Grant,
  { clientInfo, expiresAt }: { clientInfo: boolean; expiresAt?: number },
): Promise<JsonObject> {
  const { scopes, session } = granted;
  const refreshToken = scopes.includes('offline_access')
    ? simulation.signIns.issueRefreshToken(granted, expiresAt)
    : undefined;
  return {
    token_type: 'Bearer',
    scope: scopes.filter((scope) => scope !== 'offline_access').join(' '),
    expires_in: ACCESS_TOKEN_SECONDS,
    ext_expires_in: ACCESS_TOKEN_SECONDS,
    ...(scopes.some((scope) => apiScopes.includes(scope))
      ? { access_token: await accessToken(simulation, tenant, granted) }
      : {}),
    ...(scopes.includes('openid') ? { id_token: await idToken(simulation, tenant, granted) } : {}),
    ...(refreshToken && {
      refresh_token: refreshToken.value,
      refresh_token_expires_in: Math.floor((refreshToken.expiresAt - simulation.now()) / 1000),
    }),
    ...(clientInfo ? { client_info: clientInfoOf(oidIn(tenant.id, session.person), tenant.id) } : {}),
  };
}

/** The same token as `GET /simulator/token/{person}` gives, with what this sign-in has proven. */
function accessToken(
  simulation: Simulation,
  tenant: Tenant,
  { session, capabilities }: Grant,
): Promise<string> {
  return simulation.mint(session.person.name, {
    tenantId: tenant.id,
    expiresIn: ACCESS_TOKEN_SECONDS,
    claims: {
      sid: session.id,
      acrs: session.contexts.length > 0 ? session.contexts : undefined,
      xms_cc: capabilities.length > 0 ? capabilities : undefined,
    },
  });
}

async function idToken(simulation: Simulation, tenant: Tenant, { session, nonce }: Grant): Promise<string> {
  const signIn = { tenantId: tenant.id, nonce, sessionId: session.id };
  const key = await tenant.keys.current();
  const claims = idTokenClaims(session.person, signIn, simulation.moment());
  return signJwt({ typ: 'JWT', alg: 'RS256', kid: key.kid }, claims, key.privateKey);
}
