import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
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

/** A key as a key set has it. */
export const publishedKey = (publicKey: KeyObject, kid: string): JsonWebKey => ({
  ...publicKey.export({ format: 'jwk' }),
  use: 'sig',
  kid,
});

/** A request for a document or a key set: the path and query, and the address of this Entra ID. */
export type Asked = { readonly path: string; readonly query: string; readonly url: string };

export type PrivateEntraOptions = {
  /** `false`: there is no v1.0 document, as in a private cloud. */
  v1?: boolean;
  /** What a metadata document says besides, or otherwise; `status`: it is not there. */
  document?: (asked: Asked) => Record<string, string> | { status: number };
  /** The key set, in place of the one that holds only `published`. Any path that ends in `/keys` is one. */
  keys?: (published: JsonWebKey, asked: Asked) => object[];
};

export async function startPrivateEntra(
  tls: SimulatorTls,
  tenantId: string,
  options: PrivateEntraOptions = {},
): Promise<PrivateEntra> {
  const { privateKey, publicKey } = privateKeyPair();
  const keyId = 'private-entra-key';
  const requests: string[] = [];
  const forms: URLSearchParams[] = [];
  const published = publishedKey(publicKey, keyId);

  const server = createServer({ cert: tls.certPem, key: tls.keyPem }, async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const send = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    // MSAL adds its correlation id to the query.
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const asked = { path, query, url };
    const document = (version: '' | '/v2.0', issuer: string) => {
      const special = options.document?.(asked) ?? {};
      if (typeof special.status === 'number') return send(special.status, '<h1>No</h1>');
      return send(200, {
        issuer,
        authorization_endpoint: `${url}/${tenantId}/oauth2${version}/authorize`,
        token_endpoint: `${url}/${tenantId}/oauth2${version}/token`,
        jwks_uri: `${url}/${tenantId}/discovery${version}/keys`,
        ...special,
      });
    };
    if (path.endsWith('/keys')) {
      return send(200, { keys: options.keys?.(published, asked) ?? [published] });
    }
    switch (path) {
      case `/${tenantId}/v2.0/.well-known/openid-configuration`:
        return document('/v2.0', `${url}/${tenantId}/v2.0`);
      case `/${tenantId}/.well-known/openid-configuration`:
        return options.v1 === false
          ? send(404, '<h1>Not found</h1>')
          : document('', `https://sts.windows.net/${tenantId}/`);
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
