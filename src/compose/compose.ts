import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createEventCommits } from '../adapters/database/event-commits.ts';
import { createNotificationQueue } from '../adapters/database/notification-queue.ts';
import { createPostgresAuditTrail } from '../adapters/database/postgres-audit-trail.ts';
import { createPostgresOperations } from '../adapters/database/postgres-operations.ts';
import { createGraphConnector } from '../adapters/graph/graph-connector.ts';
import { createHttpClient } from '../adapters/outbound/http-client.ts';
import { createAuditWrites } from '../adapters/telemetry/audit-writes.ts';
import { createLogs, type Logs } from '../adapters/telemetry/logger.ts';
import {
  measureAuditTrail,
  measureConnector,
  measureIdentity,
  measureOperations,
  measureReads,
} from '../adapters/telemetry/measured-ports.ts';
import { createMetrics } from '../adapters/telemetry/metrics.ts';
import { OutboundTries } from '../adapters/telemetry/outbound-tries.ts';
import {
  traceAuditTrail,
  traceConnector,
  traceHttpClient,
  traceIdentity,
  traceOperations,
  traceReads,
} from '../adapters/telemetry/traced-ports.ts';
import { Tracing } from '../adapters/telemetry/tracing.ts';
import type { Dependencies } from '../core/dependencies.ts';
import type { Policy, PolicyOf } from '../core/operation/policy.ts';
import { sweep } from '../core/use-cases/sweep.ts';
import type { Check } from '../http/management-app.ts';
import type { Settings } from '../settings/settings.ts';
import { endsWithin, repeat } from './background.ts';
import { WriteBacklog } from './backlog.ts';
import { readBuildInfo } from './build-info.ts';
import { composeAudit, readAuditKeys } from './compose-audit.ts';
import { composeDatabase } from './compose-database.ts';
import { composeEntra } from './compose-entra.ts';
import { composeNotifications } from './compose-notifications.ts';
import { composeServers } from './compose-servers.ts';
import { expectOutsideCheckpoints } from './outside-checkpoints.ts';

/** The service, wired and not yet started. */
export type Service = {
  readonly log: Logger;
  /** Resolves when all that was logged is written, or after `ms` milliseconds. */
  flushLog(ms: number): Promise<void>;
  /** Opens both ports and begins to load what it needs; does not wait for Entra or the database. */
  start(): Promise<{ port: number; managementPort: number }>;
  /** Fails readiness, drains, lets in-flight calls and their records finish (bounded), and releases
   *  everything. Safe to call twice. */
  close(): Promise<void>;
};

/** The only wiring: settings → adapters → use cases → apps. */
export function compose(settings: Settings, logs = logsOf(settings)): Service {
  const { log } = logs;
  const buildInfo = readBuildInfo();
  const metrics = createMetrics();
  metrics.buildInfo.set(buildInfo, 1);
  const tracing = composeTracing(settings, buildInfo.version, log);
  const tries = new OutboundTries((requestId, late) =>
    log.info({ requestId, tries: [late] }, 'a request for a call that was over has ended'),
  );
  const http = traced(createHttpClient(settings.proxy, undefined, tries), traceHttpClient);
  const entra = composeEntra(settings, http, metrics, log, (requestId, exchangeOf) =>
    tries.shares(requestId, exchangeOf),
  );
  const writes = createAuditWrites(metrics, Date.now, logs.auditEvent);
  const postgres = composeDatabase(settings, metrics, writes, log);
  const { database } = postgres;
  const auditKeys = readAuditKeys(settings.audit, log);
  const { history } = postgres;
  const commits = createEventCommits({ database, history, connections: settings.database.poolSize });
  const trail = traced(
    measureAuditTrail(
      createPostgresAuditTrail(database, commits, {
        verifiers: auditKeys.verifiers,
        lateMs: settings.audit.lateMs,
        contradicts: (chain) => audit.contradicts(chain),
      }),
      metrics,
      writes,
    ),
    traceAuditTrail,
  );
  const queue = createNotificationQueue(database);
  const audit = composeAudit(settings, auditKeys, database, trail, queue, metrics, logs);
  const notifications = composeNotifications(settings, queue, metrics, log);

  /** Without a receiver for spans nothing is wrapped. */
  function traced<Port>(port: Port, trace: (port: Port, tracing: Tracing) => Port): Port {
    return tracing === null ? port : trace(port, tracing);
  }

  const backlog = composeBacklog(log);

  let closing: Promise<void> | null = null;
  const dependencies: Dependencies = {
    access: {
      requiredScope: settings.entra.requiredScope,
      allowedClientIds: new Set(settings.entra.allowedClientIds),
      guestsAllowed: settings.entra.guestsAllowed,
      agentsAllowed: settings.entra.agentsAllowed,
      roleNames: settings.entra.roles,
    },
    identity: traced(measureIdentity(entra.identity, metrics), traceIdentity),
    connector: traced(
      measureConnector(createGraphConnector({ ...settings.graph, http, clock: Date.now }), metrics),
      traceConnector,
    ),
    audit: trail,
    reads: traced(measureReads(commits, metrics, writes), traceReads),
    rejectedSignIn: audit.rejectedSignIn,
    keepNames: settings.audit.keepNames,
    operations: traced(
      measureOperations(
        createPostgresOperations({
          database,
          history,
          idempotencyMs: settings.disconnect.idempotencyMs,
        }),
        metrics,
        writes,
      ),
      traceOperations,
    ),
    backlog,
    policyOf: policiesOf(settings.disconnect),
    timing: {
      graphTimeoutMs: settings.graph.timeoutMs,
      recordMs: settings.audit.writeTimeoutMs,
      answerMs: settings.server.answerMs,
      ...settings.disconnect,
    },
    pause: (ms) => sleep(ms),
    stopping: () => closing !== null,
    random: Math.random,
    clock: Date.now,
    monotonic: () => performance.now(),
    newId: randomUUID,
  };

  const servers = composeServers({
    settings,
    dependencies,
    version: buildInfo.version,
    authorizationUri: entra.authorizationUri,
    tracing,
    tries,
    metrics,
    logs,
    readiness,
    showGauges() {
      entra.showGauges();
      postgres.showGauges();
      metrics.outcomesWaiting.set(backlog.size);
    },
  });

  async function readiness(): Promise<Check[]> {
    return [
      closing === null ? { name: 'running' } : { name: 'running', problem: 'is shutting down' },
      ...entra.checks(),
      ...(await postgres.checks()),
      ...audit.checks(),
      ...notifications.checks(),
    ];
  }

  // Operations whose time is up. A failed sweep loses nothing: the next one finds the same operations.
  const sweeping = repeat(settings.disconnect.sweepMs, async () => {
    try {
      const ended = await sweep(dependencies);
      if (ended > 0) log.warn({ ended }, 'operations whose time was up were ended');
    } catch (error) {
      log.warn({ error }, 'sweep for overdue operations failed');
    }
  });

  /** In this order: no new calls, the calls under way, our own work, what all of that needed. */
  async function close(): Promise<void> {
    const { drainMs, shutdownMs } = settings.server;
    const endsAt = performance.now() + drainMs + shutdownMs;
    // What is not told yet other replicas tell, or the next process.
    const told = notifications.stop();
    const unfinished = await servers.drain();
    if (unfinished > 0) log.error({ unfinished }, 'calls were left unfinished: their time was up');
    const recorded = await endsWithin(Math.max(0, endsAt - performance.now()), backlog.settled());
    backlog.stop();
    if (!recorded)
      log.error({ waiting: backlog.size }, 'outcomes could not be recorded before the process ended');
    const tidied = await endsWithin(
      settings.server.tidyMs,
      Promise.all([told, sweeping.stop(), audit.close(), entra.close()]).then(() =>
        Promise.allSettled([postgres.close(), http.close(), tracing?.close()]),
      ),
    );
    if (!tidied) log.warn('shutdown cleanup timed out');
    // Last, so that readiness and metrics can be read to the end.
    await servers.close();
  }

  return {
    log,
    flushLog: (ms) => logs.output.flush(ms),
    async start() {
      await tracing?.start();
      const { outsideCheckpointsFile } = settings.audit;
      await expectOutsideCheckpoints(outsideCheckpointsFile, history, auditKeys.verifiers, log);
      entra.start();
      postgres.start();
      sweeping.start();
      notifications.start();
      audit.start();
      return servers.start();
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function logsOf({ log, audit }: Settings): Logs {
  return createLogs({ level: log.level, maxWaiting: log.maxWaiting, auditEvents: audit.stdout });
}

function composeBacklog(log: Logger): WriteBacklog {
  return new WriteBacklog({
    pause: (ms) => sleep(ms),
    // In full, since the log may be all that remains of it.
    onWaiting: ({ kind, event }) => log.error({ kind, event }, waitingTexts[kind]),
    onWritten: ({ kind, event }) =>
      log.warn(
        { kind, operationId: event.operationId, requestId: event.requestId },
        'it is on the record now',
      ),
  });
}

const waitingTexts = {
  outcome: 'the outcome of a disconnect could not be recorded; it is tried until it is on the record',
  unsent: 'an operation may be on record that was never sent; it is ended as soon as the database answers',
} as const;

function composeTracing({ tracing }: Settings, version: string, log: Logger): Tracing | null {
  if (tracing.endpoint === null) return null;
  const onProblem = (problem: string) => log.warn({ problem }, 'spans could not be handed over');
  return new Tracing({ endpoint: tracing.endpoint, version, onProblem });
}

/** The policy of each tenant: the common one, with what differs for that tenant. */
function policiesOf({ policy, tenants }: Settings['disconnect']): PolicyOf {
  const merged = new Map(
    Object.entries(tenants).map(([tenantId, differing]) => [tenantId, { ...policy, ...differing } as Policy]),
  );
  return (tenantId) => merged.get(tenantId) ?? policy;
}
