import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export const authorityHost = 'https://login.example';
export const tenantId = '5a1e0000-7e4a-4000-8000-000000000001';
export const clientId = '5a1e0000-c11e-4000-8000-0000000000b1';
export const issuer = `${authorityHost}/${tenantId}/v2.0`;
export const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });

export const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

/** A token that is really signed, for us and good for an hour, unless the claims say otherwise. */
export function signedToken(claims: object = {}, key: KeyObject = pair.privateKey): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const usual = { aud: clientId, iss: issuer, tid: tenantId, nbf: inSeconds(-60), exp: inSeconds(3600) };
  const signed = `${part({ typ: 'JWT', alg: 'RS256', kid: 'k1' })}.${part({ ...usual, ...claims })}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
}
