/** Entra ID and Graph for the bench: `node:https` with answers made beforehand, so that it costs as little
 *  as an upstream over TLS can. It verifies nothing; what it counts is what the service asks of it. */
import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { graphTokenPrefix, graphTokenSize } from './graph-token.ts';

type Kind = 'metadata' | 'keys' | 'token' | 'list' | 'disconnect';

const settings = '/beta/deviceManagement/chromeOSOnboardingSettings';
const { BENCH_CERT: cert = '', BENCH_KEY: key = '', BENCH_JWK: jwk = '{}' } = process.env;
const calls: Record<Kind, number> = { metadata: 0, keys: 0, token: 0, list: 0, disconnect: 0 };
const keySet = JSON.stringify({ keys: [JSON.parse(jwk)] });
// About as much again as the token itself: what Entra sends along when `openid offline_access` is asked for.
const filler = 'A'.repeat(graphTokenSize);
const connection = JSON.stringify({
  '@odata.context': 'https://graph.microsoft.com/beta/$metadata#deviceManagement/chromeOSOnboardingSettings',
  value: [
    {
      id: 'a6ee0c3a-0c3a-a6ee-3a0c-eea63a0ceea6',
      ownerUserPrincipalName: 'ada.admin@contoso.example',
      onboardingStatus: 'onboarded',
      lastModifiedDateTime: '2026-01-15T08:30:00Z',
      lastDirectorySyncDateTime: '2026-01-15T08:30:00Z',
    },
  ],
});
const accepted = JSON.stringify({ value: 'inprogress' });

const server = createServer({ cert, key }, (request, response) => {
  const url = request.url ?? '';
  if (url === settings) return graph(request, response, 'list', connection);
  if (url === `${settings}/disconnect`) return graph(request, response, 'disconnect', accepted);
  void entra(request, response, url).catch(() => response.destroy());
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on('disconnect', () => process.exit(0));
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ calls: { ...calls }, cpuSeconds: (user + system) / 1e6 });
});

function graph(request: IncomingMessage, response: ServerResponse, kind: Kind, body: string): void {
  calls[kind] += 1;
  const isOurs = request.headers.authorization?.startsWith(`Bearer ${graphTokenPrefix}`) === true;
  const requestId = String(request.headers['client-request-id'] ?? '5a1e0000-0000-4000-8000-000000000000');
  response.writeHead(isOurs ? 200 : 401, {
    'content-type': 'application/json',
    'content-length': body.length,
    'request-id': requestId,
    'client-request-id': requestId,
    'x-ms-ags-diagnostic': '{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5"}}',
  });
  response.end(body);
}

async function entra(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const [, tenant = '', ...rest] = (url.split('?')[0] ?? '').split('/');
  switch (rest.join('/')) {
    case '.well-known/openid-configuration':
      return metadata(response, origin, tenant, '', `https://sts.windows.net/${tenant}/`);
    case 'v2.0/.well-known/openid-configuration':
      return metadata(response, origin, tenant, '/v2.0', `${origin}/${tenant}/v2.0`);
    case 'discovery/keys':
    case 'discovery/v2.0/keys':
      calls.keys += 1;
      return json(response, 200, keySet);
    case 'oauth2/v2.0/token':
      calls.token += 1;
      return json(response, 200, tokenAnswer(new URLSearchParams(await text(request))));
    default:
      return json(response, 404, '{"error":"not found"}');
  }
}

function metadata(
  response: ServerResponse,
  origin: string,
  tenant: string,
  version: '' | '/v2.0',
  issuer: string,
): void {
  calls.metadata += 1;
  const document = {
    issuer,
    authorization_endpoint: `${origin}/${tenant}/oauth2${version}/authorize`,
    token_endpoint: `${origin}/${tenant}/oauth2${version}/token`,
    jwks_uri: `${origin}/${tenant}/discovery${version}/keys`,
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
  };
  json(response, 200, JSON.stringify(document));
}

/** A Graph token of a real one's size, another for each assertion, and what Entra sends besides. */
function tokenAnswer(form: URLSearchParams): string {
  const assertion = form.get('assertion') ?? '';
  const [, payload = ''] = assertion.split('.');
  const { oid, tid } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  const token = `${graphTokenPrefix}${hash('sha256', assertion, 'base64url')}${filler}`;
  return JSON.stringify({
    token_type: 'Bearer',
    scope: form.get('scope'),
    expires_in: 5399,
    ext_expires_in: 5399,
    access_token: token.slice(0, graphTokenSize),
    refresh_token: `1.${filler.slice(0, 1200)}`,
    client_info: Buffer.from(JSON.stringify({ uid: oid, utid: tid })).toString('base64url'),
  });
}

function json(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
