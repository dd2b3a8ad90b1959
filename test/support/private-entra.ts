import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { SimulatorTls } from '../../simulator/certificates.ts';

export type TokenAnswer = { status?: number; headers?: Record<string, string>; body: unknown };

/** An Entra ID of a test's own, for what the simulator rightly won't do: sign any bytes with a published
 *  key, publish odd documents, answer a token request with whatever a test thinks of. */
export type PrivateEntra = {
  readonly url: string;
  readonly keyId: string;
  /** Signs its tokens; its public half is published. */
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  /** Every request, as `GET /path`; the bodies of token requests are in `forms`. */
  readonly requests: string[];
  readonly forms: URLSearchParams[];
  /** What the token endpoint answers. */
  answer: (form: URLSearchParams) => TokenAnswer;
  close(): Promise<void>;
};

export const privateKeyPair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });

/** `v1: false` has no v1.0 document, as a private cloud may. `issuer` names v2.0 tokens' issuer. */
export async function startPrivateEntra(
  tls: SimulatorTls,
  tenantId: string,
  options: { v1?: boolean; document?: object } = {},
): Promise<PrivateEntra> {
  const { privateKey, publicKey } = privateKeyPair();
  const keyId = 'private-entra-key';
  const requests: string[] = [];
  const forms: URLSearchParams[] = [];
  const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'sig', kid: keyId }] };

  const server = createServer({ cert: tls.certPem, key: tls.keyPem }, async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const send = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    const documents = (version: '' | '/v2.0', issuer: string) => ({
      issuer,
      authorization_endpoint: `${url}/${tenantId}/oauth2${version}/authorize`,
      token_endpoint: `${url}/${tenantId}/oauth2${version}/token`,
      jwks_uri: `${url}/${tenantId}/discovery${version}/keys`,
      ...options.document,
    });
    // MSAL adds its correlation id to the query.
    switch (request.url?.split('?')[0]) {
      case `/${tenantId}/v2.0/.well-known/openid-configuration`:
        return send(200, documents('/v2.0', `${url}/${tenantId}/v2.0`));
      case `/${tenantId}/.well-known/openid-configuration`:
        return options.v1 === false
          ? send(404, '<h1>Not found</h1>')
          : send(200, documents('', `https://sts.windows.net/${tenantId}/`));
      case `/${tenantId}/discovery/v2.0/keys`:
      case `/${tenantId}/discovery/keys`:
        return send(200, keys);
      case `/${tenantId}/oauth2/v2.0/token`: {
        const form = new URLSearchParams(await text(request));
        forms.push(form);
        const { status = 200, headers, body } = entra.answer(form);
        return send(status, body, headers);
      }
      default:
        return send(404, { error: 'not found' });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;

  const entra: PrivateEntra = {
    url,
    keyId,
    key: privateKey,
    publicKey,
    requests,
    forms,
    answer: () => ({ body: { token_type: 'Bearer', expires_in: 3600, access_token: 'graph-token' } }),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return entra;
}

/** Signs bytes as RS256 does, whatever they say. */
export function signed(header: string, payload: string, key: KeyObject): string {
  const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
  return `${input}.${sign('RSA-SHA256', Buffer.from(input), key).toString('base64url')}`;
}
