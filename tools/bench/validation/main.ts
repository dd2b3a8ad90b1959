/** Times the service's own validation and exchange cache, in a process that does nothing else. */
import { createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { ExchangeCache } from '../../../src/adapters/entra/exchange-cache.ts';
import { fingerprintOf } from '../../../src/adapters/entra/verified-tokens.ts';
import type { HttpClient } from '../../../src/adapters/outbound/http-client.ts';
import { createMetrics } from '../../../src/adapters/telemetry/metrics.ts';
import { composeEntra } from '../../../src/compose/compose-entra.ts';
import type { SignedInCaller } from '../../../src/core/caller.ts';
import { Secret } from '../../../src/core/secret.ts';
import { loadSettings } from '../../../src/settings/settings.ts';
import { graphTokenSize } from '../upstream/graph-token.ts';

/** Microseconds for one: the RSA check alone, a validation of a token not seen before, and of one again. */
export type ValidationTimes = {
  readonly users: number;
  readonly rsa: number;
  /** `null` for one user: one call tells nothing. */
  readonly first: number | null;
  readonly again: number;
};

const {
  BENCH_UPSTREAM: authority = '',
  BENCH_TENANT: tenantId = '',
  BENCH_CLIENT: clientId = '',
} = process.env;
const jwk = JSON.parse(process.env.BENCH_JWK ?? '{}');
const tokens = readFileSync(process.env.BENCH_TOKENS ?? '', 'latin1')
  .trimEnd()
  .split('\n');
const ample = { leftMs: () => 60_000 };
const warmUpCalls = 2000;
const timedCalls = 5000;

process.on('disconnect', () => process.exit(0));
process.on('message', async (asked: { validate: number } | { lookUp: number }) => {
  try {
    process.send?.('validate' in asked ? await timeValidation(asked.validate) : await timeHits(asked.lookUp));
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : 'unknown' });
  }
});
process.send?.({ ready: true });

async function timeValidation(users: number): Promise<ValidationTimes> {
  const some = tokens.slice(0, users);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  // Exercise for the compiler; what is timed is an identity that has seen none of the tokens.
  await validateAll(await identity(), tokens, warmUpCalls);
  await validateAll(await identity(), tokens, warmUpCalls);
  const fresh = await identity();
  const first = await validateAll(fresh, some, users);
  const again = await validateAll(fresh, some, Math.max(timedCalls, users));
  return { users, rsa: checkAll(some, key), first: users === 1 ? null : first, again };
}

async function validateAll(
  { authenticate }: Awaited<ReturnType<typeof identity>>,
  some: readonly string[],
  calls: number,
): Promise<number> {
  const headers = some.map((token) => [`Bearer ${token}`]);
  const begun = performance.now();
  for (let call = 0; call < calls; call += 1) {
    await authenticate(headers[call % headers.length] ?? [], ample);
  }
  return ((performance.now() - begun) * 1000) / calls;
}

/** The least there is to do: one RSA verification of what is signed. */
function checkAll(some: readonly string[], key: KeyObject): number {
  const parts = some.map((token) => {
    const end = token.lastIndexOf('.');
    return [Buffer.from(token.slice(0, end)), Buffer.from(token.slice(end + 1), 'base64url')] as const;
  });
  const calls = Math.max(timedCalls, some.length);
  const begun = performance.now();
  for (let call = 0; call < calls; call += 1) {
    const [signed, signature] = parts[call % parts.length] ?? [];
    if (!signed || !signature || !verify('RSA-SHA256', signed, key, signature)) throw new Error('not signed');
  }
  return ((performance.now() - begun) * 1000) / calls;
}

/** The service's identity as it is wired, with Entra's documents at hand. */
async function identity() {
  const settings = loadSettings({
    AZURE_TENANT_ID: tenantId,
    AZURE_CLIENT_ID: clientId,
    AZURE_CLIENT_SECRET: 'unused',
    AZURE_AUTHORITY_HOST: authority,
    DATABASE_URL: 'postgres://unused@127.0.0.1/unused',
  });
  const entra = composeEntra(settings, documents(), createMetrics(), pino({ level: 'silent' }), () => {});
  entra.start();
  return entra.identity;
}

function documents(): HttpClient {
  return {
    async send({ url }) {
      const version = url.includes('/v2.0/') ? '/v2.0' : '';
      const base = `${authority}/${tenantId}`;
      const answer = url.endsWith('/keys')
        ? { keys: [jwk] }
        : {
            issuer: version === '' ? `https://sts.windows.net/${tenantId}/` : `${base}/v2.0`,
            authorization_endpoint: `${base}/oauth2${version}/authorize`,
            token_endpoint: `${base}/oauth2${version}/token`,
            jwks_uri: `${base}/discovery${version}/keys`,
          };
      return { status: 200, headers: {}, text: JSON.stringify(answer) };
    },
    close: async () => {},
  };
}

async function timeHits(users: number): Promise<{ microseconds: number }> {
  const cache = new ExchangeCache({ size: users, clock: Date.now, onResult: () => {} });
  const expiresAt = Date.now() + 3_600_000;
  const callers = Array.from({ length: users }, () => callerWith(randomBytes(1050).toString('base64url')));
  const exchange = async () => ({
    token: new Secret(randomBytes(graphTokenSize / 2).toString('hex')),
    expiresAt,
  });
  for (const caller of callers) await cache.get(caller, ample, exchange);
  const missed = () => Promise.reject(new Error('it was to be a hit'));
  const lookUp = async (calls: number) => {
    const begun = performance.now();
    for (let call = 0; call < calls; call += 1) {
      const caller = callers[call % users];
      if (caller !== undefined) await cache.get(caller, ample, missed);
    }
    return ((performance.now() - begun) * 1000) / calls;
  };
  await lookUp(warmUpCalls);
  return { microseconds: await lookUp(Math.max(20 * timedCalls, users)) };

  function callerWith(assertion: string): SignedInCaller {
    return {
      caller: {
        oid: '5a1e0000-0000-4000-8000-000000000001',
        tenantId,
        name: null,
        clientId,
        kind: 'user',
        guest: false,
        scopes: [],
        roles: [],
        authenticationContexts: [],
      },
      assertion: new Secret(assertion),
      fingerprint: fingerprintOf(assertion),
      expiresAt,
    };
  }
}
