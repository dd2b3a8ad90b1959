import { generateKeyPairSync } from 'node:crypto';
import type { MetadataSource } from '../../../src/adapters/entra/tenant-metadata.ts';
import type { HttpClient, OutboundRequest } from '../../../src/adapters/outbound/http-client.ts';

export const authorityHost = 'https://login.example';
export const tenantId = 'a0000000-0000-4000-8000-000000000001';
export const clientId = 'c0000000-0000-4000-8000-000000000001';

const jwkOf = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const jwks = { first: jwkOf(), second: jwkOf() };

export function metadataSource(http: HttpClient): MetadataSource {
  return { tenantId, clientId, authorityHost, knownHosts: [], cloudName: null, http, timeoutMs: 5000 };
}

/** What Entra ID publishes for one tenant, and what it was asked for. */
export function startTenant() {
  const state = {
    up: true,
    kids: ['first'] as (keyof typeof jwks)[],
    /** Paths behind the tenant, and their status. */
    absent: {} as Record<string, number>,
    /** How many loads were begun. */
    loads: 0,
    held: null as Promise<void> | null,
    requests: [] as OutboundRequest[],
    /** Members of the documents that differ, by the path behind the tenant. */
    document: (_path: string): Record<string, unknown> => ({}),
    keySet: null as unknown,
  };
  const answer = (status: number, body: unknown) => ({ status, headers: {}, text: JSON.stringify(body) });
  const http: HttpClient = {
    close: async () => {},
    async send(request) {
      state.requests.push(request);
      const { pathname, search } = new URL(request.url);
      const path = `${pathname.replace(`/${tenantId}`, '')}${search}`;
      if (path === '/v2.0/.well-known/openid-configuration') state.loads += 1;
      await state.held;
      if (!state.up) return answer(503, {});
      if (path.includes('/keys')) {
        return answer(200, state.keySet ?? { keys: state.kids.map((kid) => ({ ...jwks[kid], kid })) });
      }
      const status = state.absent[path];
      if (status !== undefined) return answer(status, {});
      const version = path.startsWith('/v2.0') ? '/v2.0' : '';
      return answer(200, {
        issuer: `${authorityHost}/${tenantId}${version}`,
        authorization_endpoint: `${authorityHost}/${tenantId}/oauth2${version}/authorize`,
        token_endpoint: `${authorityHost}/${tenantId}/oauth2${version}/token`,
        jwks_uri: `${authorityHost}/${tenantId}/discovery${version}/keys`,
        ...state.document(path),
      });
    },
  };
  return { state, http };
}
