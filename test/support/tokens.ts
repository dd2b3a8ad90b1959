import { createHmac, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import type { Simulator } from '../../simulator/simulator.ts';
import { type PrivateEntra, type PrivateEntraOptions, signed, startPrivateEntra } from './private-entra.ts';

type Json = Record<string, unknown>;
const base64url = (value: string | Buffer) => Buffer.from(value).toString('base64url');

export type Mint = {
  /** Merged over the usual claims; `undefined` leaves one out. */
  claims?: Json;
  header?: Json;
  /** The text itself, where JSON.stringify would not write it so. */
  headerText?: string;
  payloadText?: string;
  key?: KeyObject;
};

/** Mints tokens of a private Entra for one tenant, client and portal; nothing is beyond it. */
export function minter(entra: PrivateEntra, ids: { tenantId: string; clientId: string; portalId: string }) {
  const usualHeader = { typ: 'JWT', alg: 'RS256', kid: entra.keyId };
  const usualClaims = (): Json => {
    const now = Math.floor(Date.now() / 1000);
    return {
      aud: ids.clientId,
      iss: `${entra.url}/${ids.tenantId}/v2.0`,
      iat: now - 300,
      nbf: now - 300,
      exp: now + 3600,
      azp: ids.portalId,
      oid: '11111111-2222-4333-8444-555555555555',
      preferred_username: 'ada.admin@contoso.example',
      roles: ['ChromeOS.Disconnect'],
      scp: 'access_as_user',
      tid: ids.tenantId,
      ver: '2.0',
    };
  };
  const texts = (options: Mint): [string, string] => [
    options.headerText ?? JSON.stringify({ ...usualHeader, ...options.header }),
    options.payloadText ?? JSON.stringify({ ...usualClaims(), ...options.claims }),
  ];
  return {
    usualClaims,
    /** Really signed by the published key, unless another is given. */
    token: (options: Mint = {}) => signed(...texts(options), options.key ?? entra.key),
    /** With a signature that is none. */
    unsigned: (signature: string, options: Mint = {}) =>
      `${texts(options).map(base64url).join('.')}.${signature}`,
    /** HS256 under a key that is public. */
    hmac: (secret: string | Buffer, options: Mint = {}) => {
      const input = texts({ ...options, header: { alg: 'HS256', ...options.header } })
        .map(base64url)
        .join('.');
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    },
  };
}

export type MintingEntra = PrivateEntra & { readonly mint: ReturnType<typeof minter> };

/** A private Entra ID in place of the simulator's, for its home tenant. What it mints is a token of the portal's. */
export async function startMintingEntra(
  { tls, registration, portalClientId }: Simulator,
  options?: PrivateEntraOptions,
): Promise<MintingEntra> {
  const entra = await startPrivateEntra(tls, registration.tenantId, options);
  return Object.assign(entra, { mint: minter(entra, { ...registration, portalId: portalClientId }) });
}

export type RawAnswer = { status: number; headers: Map<string, string>; body: string };

/** Sends a request byte by byte as given, for what no HTTP client lets out. */
export async function rawRequest(url: string, lines: readonly (string | Buffer)[]): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  await once(socket, 'connect');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  // A server that has had enough may reset the connection after its answer.
  socket.on('error', () => {});
  const crlf = Buffer.from('\r\n');
  const parts = lines.flatMap((line) => [Buffer.isBuffer(line) ? line : Buffer.from(line, 'latin1'), crlf]);
  socket.write(Buffer.concat([...parts, Buffer.from('Host: localhost\r\nConnection: close\r\n\r\n')]));
  await new Promise((resolve) => socket.once('close', resolve));
  const [head = '', ...rest] = Buffer.concat(chunks).toString('latin1').split('\r\n\r\n');
  const [statusLine = '', ...headerLines] = head.split('\r\n');
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Map(
      headerLines.map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    ),
    body: rest.join('\r\n\r\n'),
  };
}
