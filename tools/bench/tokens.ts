import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { signJwt } from '../../simulator/jwt.ts';

/** Who is who in the bench. */
export const ids = {
  clientId: '5a1e0000-b000-4000-8000-00000000000b',
  portalId: '5a1e0000-b000-4000-8000-00000000000c',
  clientSecret: 'bench-client-secret',
  homeTenant: tenantNumber(0),
};

/** The bench's tenants; the first is the home tenant. */
export function tenantNumber(index: number): string {
  return `5a1e0000-7e4a-4000-8000-${String(index).padStart(12, '0')}`;
}

export type SigningKey = { readonly privateKey: KeyObject; readonly publicJwk: Record<string, unknown> };

const keyId = 'bench-signing-key';

export function makeSigningKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { privateKey, publicJwk: { ...publicKey.export({ format: 'jwk' }), use: 'sig', kid: keyId } };
}

/** One access token as Entra ID makes it (v2.0, about 1,400 characters), of the user with that number. */
export function makeToken(
  key: KeyObject,
  authority: string,
  tenantId: string,
  user: number,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return signJwt(
    { typ: 'JWT', alg: 'RS256', kid: keyId },
    {
      aud: ids.clientId,
      iss: `${authority}/${tenantId}/v2.0`,
      iat: now - 300,
      nbf: now - 300,
      // Longer than Entra's hour or so: the longest run must not outlive it.
      exp: now + 12 * 3600,
      acct: 0,
      aio: opaque(64),
      azp: ids.portalId,
      azpacr: '0',
      name: `Bench User ${user}`,
      oid: randomUUID(),
      preferred_username: `user${user}@contoso.example`,
      rh: `1.${opaque(36)}`,
      roles: ['ChromeOS.Read', 'ChromeOS.Disconnect', 'Audit.Read'],
      scp: 'access_as_user',
      sid: randomUUID(),
      sub: opaque(32),
      tid: tenantId,
      uti: opaque(16),
      ver: '2.0',
      wids: [randomUUID()],
      xms_cc: ['cp1'],
      xms_ftd: opaque(48),
    },
    key,
  );
}

/** Writes the tokens of so many users to a file, one a line; all really signed (0.5 ms each, on as many
 *  threads as libuv has). */
export async function writeTokens(
  file: string,
  count: number,
  make: (index: number) => Promise<string>,
  onProgress: (done: number) => void = () => {},
): Promise<void> {
  const batch = 1000;
  const handle: FileHandle = await open(file, 'wx', 0o600);
  try {
    for (let done = 0; done < count; done += batch) {
      const tokens = await Promise.all(
        Array.from({ length: Math.min(batch, count - done) }, (_, index) => make(done + index)),
      );
      await handle.write(`${tokens.join('\n')}\n`);
      onProgress(done + tokens.length);
    }
  } finally {
    await handle.close();
  }
}

const opaque = (bytes: number) => randomBytes(bytes).toString('base64url');
