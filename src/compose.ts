import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { createPool } from './adapters/database/pool.ts';
import { createPostgresAuditTrail } from './adapters/database/postgres-audit-trail.ts';
import { missingMigrations } from './adapters/database/schema-check.ts';
import { createBearerVerifier } from './adapters/entra/bearer-strategy.ts';
import { ClientCredential } from './adapters/entra/client-credential.ts';
import { createEntraIdentity } from './adapters/entra/entra-identity.ts';
import { ExchangeCache } from './adapters/entra/exchange-cache.ts';
import { SigningKeys } from './adapters/entra/signing-keys.ts';
import { TokenExchange } from './adapters/entra/token-exchange.ts';
import { createGraphConnector } from './adapters/graph/graph-connector.ts';
import { createHttpClient, type HttpClient } from './adapters/outbound/http-client.ts';
import { createLogger } from './adapters/telemetry/logger.ts';
import {
  measureAuditTrail,
  measureConnector,
  measureExchange,
  measureIdentity,
} from './adapters/telemetry/measured-ports.ts';
import { createMetrics, type Metrics } from './adapters/telemetry/metrics.ts';
import { logRequest, observeRequest } from './adapters/telemetry/request-facts.ts';
import type { World } from './core/call.ts';
import { createApiApp } from './http/api-app.ts';
import { type Check, createManagementApp } from './http/management-app.ts';
import { createServers } from './http/servers.ts';
import type { Settings } from './settings.ts';

/** The service, wired and not yet started. */
export type Service = {
  readonly log: Logger;
  /** Opens both ports and begins to load what it needs; does not wait for Entra or the database. */
  start(): Promise<{ port: number; managementPort: number }>;
  /** Fails readiness, drains, lets in-flight calls and their records finish (bounded), and lets go of
   *  everything. Safe to call twice. */
  close(): Promise<void>;
};

// Readiness asks the database again only after this time, however often it is asked itself.
const readinessTimeoutMs = 2000;
const credentialLookMs = 15_000;

/** The only wiring: settings → adapters → use cases → apps. */
export function compose(settings: Settings, log = createLogger(settings.log)): Service {
  const metrics = createMetrics();
  const http = createHttpClient(settings.proxy);
  const entra = composeEntra(settings, http, metrics, log);
  const pool = createPool({
    url: settings.database.url,
    size: settings.database.poolSize,
    connectTimeoutMs: settings.database.connectTimeoutMs,
    onError: (error) => log.warn({ error }, 'an idle database connection broke'),
  });

  const world: World = {
    access: {
      requiredScope: settings.entra.requiredScope,
      allowedClientIds: settings.entra.allowedClientIds && new Set(settings.entra.allowedClientIds),
      guestsAllowed: settings.entra.guestsAllowed,
      roleNames: settings.entra.roles,
    },
    identity: measureIdentity(entra.identity, metrics),
    connector: measureConnector(
      createGraphConnector({ baseUrl: settings.graph.baseUrl, http, timeoutMs: settings.graph.timeoutMs }),
      metrics,
    ),
    audit: measureAuditTrail(
      createPostgresAuditTrail({ pool, timeoutMs: settings.audit.writeTimeoutMs }),
      metrics,
    ),
    clock: Date.now,
    newId: randomUUID,
  };

  let stopping = false;
  const readiness = async (): Promise<Check[]> => [
    stopping ? { name: 'running', problem: 'is shutting down' } : { name: 'running' },
    entra.check(),
    await checkDatabase(() => missingMigrations(pool, readinessTimeoutMs)),
  ];

  const servers = createServers({
    api: createApiApp({
      world,
      trustProxyHops: settings.server.trustProxyHops,
      authorizationUri: entra.authorizationUri,
      onRequestDone: (facts) => {
        observeRequest(metrics, facts);
        logRequest(log, facts);
      },
    }),
    management: createManagementApp({
      readiness,
      metrics: async () => {
        metrics.exchangeCacheEntries.set(entra.cachedTokens());
        return { contentType: metrics.registry.contentType, text: await metrics.registry.metrics() };
      },
    }),
    ...settings.server,
  });

  return {
    log,
    async start() {
      entra.start();
      return servers.start();
    },
    async close() {
      stopping = true;
      await servers.close();
      entra.close();
      await Promise.allSettled([pool.end(), http.close()]);
    },
  };
}

function composeEntra(settings: Settings, http: HttpClient, metrics: Metrics, log: Logger) {
  const { entra } = settings;
  const clock = Date.now;
  const random = Math.random;

  const onRefresh = ({ tenantId, error }: { tenantId: string; error?: unknown }) => {
    metrics.signingKeysRefreshes.inc({ tenant: tenantId, result: error === undefined ? 'loaded' : 'failed' });
    if (error === undefined) metrics.signingKeysLoaded.set({ tenant: tenantId }, clock() / 1000);
    else log.warn({ tenantId, error }, 'the signing keys could not be loaded');
  };
  const tenants = new Map(
    entra.allowedTenantIds.map((tenantId) => {
      metrics.signingKeysLoaded.set({ tenant: tenantId }, 0);
      const { authorityHost, signingKeys } = entra;
      return [
        tenantId,
        new SigningKeys({ tenantId, authorityHost, http, clock, random, onRefresh, ...signingKeys }),
      ];
    }),
  );

  const credential = new ClientCredential(entra.credential, {
    clientId: entra.clientId,
    clock,
    onProblem: (problem) => log.warn({ problem }, 'the client credential could not be read anew'),
  });
  const look = async () => {
    const current = await credential.use().catch(() => null);
    metrics.credentialExpiry.reset();
    if (current?.expiresAt) metrics.credentialExpiry.set({ kind: current.kind }, current.expiresAt / 1000);
  };
  const lookTimer = setInterval(look, credentialLookMs).unref();

  const exchange = new TokenExchange({
    clientId: entra.clientId,
    authorityHost: entra.authorityHost,
    scope: settings.graph.scope,
    http,
    credential,
    clock,
    random,
    timeoutMs: entra.exchange.timeoutMs,
    deadlineMs: entra.exchange.deadlineMs,
    onCredentialRejected: (used, entraCode) => {
      metrics.credentialRejections.inc();
      const expires = used?.expiresAt ? new Date(used.expiresAt).toISOString() : 'unknown';
      log.error(
        { credential: used?.kind ?? 'none', expires, entraCode },
        'Entra ID refused our own credential',
      );
    },
  });
  const cache = new ExchangeCache({
    size: entra.exchange.cacheSize,
    scope: settings.graph.scope,
    clock,
    onResult: (result) => metrics.exchangeCache.inc({ result }),
  });

  const home = tenants.get(entra.tenantId);
  return {
    identity: createEntraIdentity({
      tenants,
      verifyBearer: createBearerVerifier(entra),
      exchange: measureExchange((request) => exchange.exchange(request), metrics),
      cache,
    }),
    authorizationUri: (tenantId: string | null) =>
      tenants.get(tenantId ?? entra.tenantId)?.current?.authorizationEndpoint ??
      `${entra.authorityHost}/${tenantId ?? entra.tenantId}/oauth2/v2.0/authorize`,
    cachedTokens: () => cache.size,
    check: (): Check => ({ name: 'signing keys', ...(home?.problem && { problem: home.problem }) }),
    start: () => {
      void home?.start();
      void look();
    },
    close: () => {
      clearInterval(lookTimer);
      for (const tenant of tenants.values()) tenant.close();
    },
  };
}

async function checkDatabase(missing: () => Promise<string[]>): Promise<Check> {
  const name = 'database';
  try {
    const names = await missing();
    return names.length === 0
      ? { name }
      : { name, problem: `the schema lacks ${names.join(', ')}: run the migrations` };
  } catch {
    return { name, problem: 'can not be reached' };
  }
}
