import type { Logger } from 'pino';
import { createBearerVerifier } from '../adapters/entra/bearer-strategy.ts';
import { ClientCredential } from '../adapters/entra/client-credential.ts';
import { createEntraIdentity } from '../adapters/entra/entra-identity.ts';
import { ExchangeCache } from '../adapters/entra/exchange-cache.ts';
import { SigningKeys } from '../adapters/entra/signing-keys.ts';
import { TokenExchange } from '../adapters/entra/token-exchange.ts';
import { VerifiedTokens } from '../adapters/entra/verified-tokens.ts';
import type { HttpClient } from '../adapters/outbound/http-client.ts';
import { countTenant, measureExchange } from '../adapters/telemetry/measured-ports.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import type { Check } from '../http/management-app.ts';
import type { Settings } from '../settings/settings.ts';
import { repeat } from './background.ts';

const credentialCheckMs = 15_000;

/** The part of the wiring that is about Entra ID: signing keys, our credential, the exchange. */
export function composeEntra(
  settings: Settings,
  http: HttpClient,
  metrics: Metrics,
  log: Logger,
  onShared: (requestId: string, exchangeOf: string) => void,
) {
  const { entra } = settings;
  const clock = Date.now;
  const tenants = signingKeysByTenant(settings, http, metrics, log);
  const credential = new ClientCredential(entra.credential, {
    clientId: entra.clientId,
    clock,
    onProblem: (problem) =>
      log.warn({ problem: `${credential.variable} ${problem}` }, 'the client credential is not usable'),
  });
  const checking = repeat(credentialCheckMs, async () => showExpiry(credential, metrics), log);
  const exchange = composeExchange(settings, http, credential, metrics, log);
  const cache = new ExchangeCache({
    size: entra.exchange.cacheSize,
    clock,
    onResult: (result) => metrics.exchangeCache.inc({ result }),
  });

  const home = tenants.get(entra.tenantId);
  return {
    identity: createEntraIdentity({
      tenants,
      verifyBearer: createBearerVerifier(entra),
      verified: new VerifiedTokens({ size: entra.exchange.cacheSize, clock }),
      exchange: measureExchange((request) => exchange.exchange(request), metrics),
      cache,
      onShared,
    }),
    authorizationUri: (tenantId: string | null) =>
      tenants.get(tenantId ?? entra.tenantId)?.current?.authorizationEndpoint ??
      `${entra.authorityHost}/${tenantId ?? entra.tenantId}/oauth2/v2.0/authorize`,
    checks: (): Check[] => [signingKeysCheck(home), credentialCheck(credential, clock())],
    /** Sets the gauges that are only read when Prometheus scrapes. */
    showGauges: () => {
      metrics.exchangeCacheEntries.set(cache.size);
      for (const [tenant, keys] of tenants) metrics.signingKeysStale.set({ tenant }, keys.stale ? 1 : 0);
    },
    start: () => {
      void home?.start();
      checking.start();
    },
    close: () => {
      for (const tenant of tenants.values()) tenant.close();
      return checking.stop();
    },
  };
}

function signingKeysByTenant(
  { entra }: Settings,
  http: HttpClient,
  metrics: Metrics,
  log: Logger,
): ReadonlyMap<string, SigningKeys> {
  const onRefresh = ({ tenantId, error }: { tenantId: string; error?: unknown }) => {
    metrics.signingKeysRefreshes.inc({ tenant: tenantId, result: error === undefined ? 'loaded' : 'failed' });
    if (error === undefined) metrics.signingKeysLoaded.set({ tenant: tenantId }, Date.now() / 1000);
    else log.warn({ tenantId, error }, 'the signing keys could not be loaded');
  };
  return new Map(
    entra.allowedTenantIds.map((tenantId) => {
      metrics.signingKeysLoaded.set({ tenant: tenantId }, 0);
      countTenant(metrics, tenantId);
      const { clientId, authorityHost, signInHosts, cloudName, signingKeys } = entra;
      const source = { tenantId, clientId, authorityHost, knownHosts: signInHosts, cloudName, http };
      const options = { ...source, clock: Date.now, random: Math.random, onRefresh, ...signingKeys };
      return [tenantId, new SigningKeys(options)];
    }),
  );
}

function showExpiry(credential: ClientCredential, metrics: Metrics): void {
  const current = credential.use();
  metrics.credentialExpiry.reset();
  if (current?.expiresAt) metrics.credentialExpiry.set({ kind: current.kind }, current.expiresAt / 1000);
}

function composeExchange(
  { entra, graph }: Settings,
  http: HttpClient,
  credential: ClientCredential,
  metrics: Metrics,
  log: Logger,
): TokenExchange {
  return new TokenExchange({
    clientId: entra.clientId,
    authorityHost: entra.authorityHost,
    scope: graph.scope,
    http,
    credential,
    clock: Date.now,
    monotonic: () => performance.now(),
    random: Math.random,
    timeoutMs: entra.exchange.timeoutMs,
    deadlineMs: entra.exchange.deadlineMs,
    onFailedTry: (failed) => {
      const line = { ...failed, entraCodes: failed.entraCodes.map((code) => `AADSTS${code}`) };
      // No caller can fix what is wrong with our own credential.
      if (failed.reason === 'exchange_misconfigured') log.error(line, 'Entra ID refuses how we ask');
      else log.warn(line, 'token exchange failed');
    },
    onCredentialRejected: (used, entraCode, { requestId, tenantId }) => {
      metrics.credentialRejections.inc();
      const expires = used?.expiresAt ? new Date(used.expiresAt).toISOString() : 'unknown';
      log.error(
        { requestId, tenantId, credential: used?.kind ?? 'none', expires, entraCode },
        'Entra ID refused our own credential',
      );
    },
  });
}

function signingKeysCheck(home: SigningKeys | undefined): Check {
  const name = 'signing keys';
  if (home?.problem) return { name, problem: home.problem };
  if (home?.stale) return { name, warning: 'no successful refresh for two intervals' };
  return home?.outage ? { name, warning: 'last refresh failed; using the previous keys' } : { name };
}

/** Without a credential no call can be carried out. With an old one some calls can, and other
 *  pods are no better off. */
function credentialCheck(credential: ClientCredential, now: number): Check {
  const name = 'client credential';
  const inUse = credential.use();
  const problem = credential.problem === null ? null : `${credential.variable} ${credential.problem}`;
  if (inUse === null) return { name, problem: problem ?? `${credential.variable} is not set` };
  if (inUse.expiresAt !== null && inUse.expiresAt <= now) {
    return { name, warning: `the ${inUse.kind} in use has expired${problem === null ? '' : `: ${problem}`}` };
  }
  return problem === null ? { name } : { name, warning: `using the previous one: ${problem}` };
}
