import type { Logger } from 'pino';
import { followTlsPair } from '../adapters/files/tls-pair.ts';
import type { Logs } from '../adapters/telemetry/logger.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import type { OutboundTries } from '../adapters/telemetry/outbound-tries.ts';
import { showDroppedLines } from '../adapters/telemetry/process-metrics.ts';
import {
  expectRequests,
  logRequest,
  observeRequest,
  type RequestFacts,
} from '../adapters/telemetry/request-facts.ts';
import type { Tracing } from '../adapters/telemetry/tracing.ts';
import type { Dependencies } from '../core/dependencies.ts';
import { createApiApp } from '../http/api-app.ts';
import { type Check, createManagementApp } from '../http/management-app.ts';
import { answerToBroken } from '../http/problems/broken-request.ts';
import { disconnectRoute } from '../http/resources/disconnect.ts';
import { executionRoute } from '../http/resources/execution.ts';
import { createServers, type Servers } from '../http/server/servers.ts';
import type { TlsFilesOptions } from '../http/server/tls-files.ts';
import type { Settings } from '../settings/settings.ts';
import { installationOf } from './compose-documentation.ts';

type Given = {
  readonly settings: Settings;
  readonly dependencies: Dependencies;
  /** Our own. */
  readonly version: string;
  /** Where a tenant's people sign in; `null` is the home tenant. */
  readonly authorizationUri: (tenantId: string | null) => string;
  readonly tracing: Tracing | null;
  readonly tries: OutboundTries;
  readonly metrics: Metrics;
  readonly logs: Logs;
  readonly readiness: () => Promise<Check[]>;
  /** Sets the gauges that are only read when Prometheus scrapes. */
  readonly showGauges: () => void;
};

/** The part of the wiring that is about HTTP: the API and the management app, each on its port. */
export function composeServers(given: Given): Servers {
  const { settings, tracing, tries, metrics, logs } = given;
  const { corsAllowedOrigins } = settings.server;
  expectRequests(metrics, [disconnectRoute, executionRoute]);
  const onRequestDone = (facts: RequestFacts) => {
    observeRequest(metrics, facts);
    tracing?.endRequest(facts);
    logRequest(logs, facts, tries.end(facts.requestId));
  };
  const answerBroken = {
    api: answerToBroken({
      newId: given.dependencies.newId,
      corsAllowedOrigins,
      route: 'unmatched',
      onDone: onRequestDone,
    }),
    management: answerToBroken({
      newId: given.dependencies.newId,
      corsAllowedOrigins: [],
      route: 'management',
      onDone: (facts) => logRequest(logs, facts),
    }),
  };
  const servers = createServers({
    ...settings.server,
    answerBroken,
    tls: tlsFiles(settings, metrics, logs.log),
    api: apiApp(given, onRequestDone),
    management: createManagementApp({
      readiness: given.readiness,
      metrics: async () => {
        const checks = await given.readiness();
        metrics.ready.set(checks.some(({ problem }) => problem !== undefined) ? 0 : 1);
        given.showGauges();
        showDroppedLines(metrics, logs.output.dropped);
        metrics.requestsInFlight.set(servers.inFlight());
        return { contentType: metrics.registry.contentType, text: await metrics.registry.metrics() };
      },
    }),
  });
  return servers;
}

function apiApp(given: Given, onRequestDone: (facts: RequestFacts) => void) {
  const { settings, version, tracing, tries, logs, authorizationUri } = given;
  const { trustProxyHops, corsAllowedOrigins } = settings.server;
  return createApiApp({
    dependencies: given.dependencies,
    version,
    trustProxyHops,
    onNoForwardedAddress: () =>
      logs.log.warn(
        { trustedProxies: trustProxyHops },
        'X-Forwarded-For names no address where the trusted proxies should have put the client’s: calls are counted and recorded under a proxy’s address. Check TRUST_PROXY_HOPS and the gateway',
      ),
    limits: settings.limits,
    corsAllowedOrigins,
    authorizationUri,
    installation: () => installationOf(settings, version, authorizationUri(null)),
    withinRequest: (begun, next) =>
      tries.within(begun.requestId, () => (tracing === null ? next() : tracing.withinRequest(begun, next))),
    onRequestDone,
  });
}

function tlsFiles({ server }: Settings, metrics: Metrics, log: Logger): TlsFilesOptions | null {
  if (server.tls === null) return null;
  const files = followTlsPair({
    ...server.tls,
    onProblem: (problem) =>
      log.warn({ problem }, 'the TLS files are not usable; keeping the previous certificate'),
  });
  return {
    pair: () => files.get(),
    pollMs: server.tlsPollMs,
    onLoaded: (expiresAt) => {
      metrics.tlsCertificateExpiry.set(expiresAt / 1000);
      log.info({ expires: new Date(expiresAt).toISOString() }, 'the TLS certificate was loaded');
    },
  };
}
