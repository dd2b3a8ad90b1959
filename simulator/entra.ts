import { registration } from './directory.ts';
import { EntraError, entraErrorReply, traceOf } from './entra-error.ts';
import { jsonReply, type Received, type Reply } from './reply.ts';
import type { Simulation } from './simulation.ts';
import { issuerOf } from './tokens.ts';

/** A tenant's OpenID Connect metadata, as its v1.0 or v2.0 document; `url` is where its endpoints are. */
export function metadata(
  simulation: Simulation,
  version: '1.0' | '2.0',
  tenantId: string,
  url = simulation.url,
): Reply {
  const oauth = version === '1.0' ? 'oauth2' : 'oauth2/v2.0';
  const discovery = version === '1.0' ? 'discovery' : 'discovery/v2.0';
  return jsonReply(
    200,
    {
      token_endpoint: `${url}/${tenantId}/${oauth}/token`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
      jwks_uri: `${url}/${tenantId}/${discovery}/keys`,
      response_modes_supported: ['query', 'fragment', 'form_post'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      issuer: issuerOf(version, tenantId, simulation.url),
      request_uri_parameter_supported: false,
      userinfo_endpoint: 'https://graph.microsoft.com/oidc/userinfo',
      authorization_endpoint: `${url}/${tenantId}/${oauth}/authorize`,
      device_authorization_endpoint: `${url}/${tenantId}/${oauth}/devicecode`,
      http_logout_supported: true,
      frontchannel_logout_supported: true,
      end_session_endpoint: `${url}/${tenantId}/${oauth}/logout`,
      claims_supported: [
        'sub',
        'iss',
        'aud',
        'exp',
        'iat',
        'auth_time',
        'acr',
        'nonce',
        'name',
        'tid',
        'ver',
      ],
      tenant_region_scope: 'EU',
      cloud_instance_name: 'microsoftonline.com',
      cloud_graph_host_name: 'graph.windows.net',
      msgraph_host: 'graph.microsoft.com',
      rbac_url: 'https://pas.windows.net',
    },
    { 'cache-control': 'max-age=86400, private' },
  );
}

/** A tenant's published signing keys. */
export async function keys(simulation: Simulation, version: '1.0' | '2.0', tenantId: string): Promise<Reply> {
  const published = await simulation.tenant(tenantId).keys.published();
  const issuer = issuerOf(version, tenantId, simulation.url);
  return jsonReply(
    200,
    { keys: published.map(({ jwk }) => (version === '1.0' ? jwk : { ...jwk, issuer })) },
    { 'cache-control': 'max-age=86400, private' },
  );
}

/** What Entra says of a tenant it does not know. */
export function unknownTenant(simulation: Simulation, request: Received, tenantId: string): Reply {
  const error = new EntraError(90002, {
    detail: `Tenant '${tenantId}' not found. Check to make sure you have the correct tenant ID. (The simulator's home tenant is ${registration.tenantId}.)`,
  });
  return entraErrorReply(error, traceOf(request.headers, simulation.now()), simulation.url);
}
