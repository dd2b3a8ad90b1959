import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createNotificationQueue } from '../adapters/database/notification-queue.ts';
import { createHttpClient } from '../adapters/outbound/http-client.ts';
import { createAuditWrites } from '../adapters/telemetry/audit-writes.ts';
import { createLogs, type Logs } from '../adapters/telemetry/logger.ts';
import { createMetrics } from '../adapters/telemetry/metrics.ts';
import { OutboundTries } from '../adapters/telemetry/outbound-tries.ts';
import { causeOf } from '../adapters/telemetry/request-facts.ts';
import { traceHttpClient } from '../adapters/telemetry/traced-ports.ts';
import { Tracing } from '../adapters/telemetry/tracing.ts';
import type { Dependencies } from '../core/dependencies.ts';
import { sweep } from '../core/use-cases/sweep.ts';
import type { Check } from '../http/management-app.ts';
import type { Settings } from '../settings/settings.ts';
import { readAuditKeys } from './audit-keys.ts';
import { type Background, endsWithin, repeat } from './background.ts';
import { WriteBacklog } from './backlog.ts';
import { readBuildInfo } from './build-info.ts';
import { composeAudit } from './compose-audit.ts';
import { composeDatabase } from './compose-database.ts';
import { composeDependencies } from './compose-dependencies.ts';
import { composeEntra } from './compose-entra.ts';
import { composeNotifications } from './compose-notifications.ts';
import { composeServers } from './compose-servers.ts';
import { expectOutsideCheckpoints } from './outside-checkpoints.ts';
import { tracedBy } from './traced.ts';

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
  const traced = tracedBy(tracing);
  const tries = new OutboundTries((requestId, late) =>
    log.info({ requestId, tries: [late] }, 'a request for a call that was over has ended'),
  );
  const http = traced(createHttpClient(settings.proxy, undefined, tries), traceHttpClient);
  const entra = composeEntra(settings, http, metrics, log, (requestId, exchangeOf) =>
    tries.shares(requestId, exchangeOf),
  );
  const writes = createAuditWrites(metrics, Date.now, logs.auditEvent);
  const postgres = composeDatabase(settings, metrics, writes, log);
  const { database, history } = postgres;
  const keys = readAuditKeys(settings.audit, log);
  const queue = createNotificationQueue(database);
  const common = { settings, database, history, metrics, writes, traced };
  const audit = composeAudit({ ...common, keys, queue, logs });
  const notifications = composeNotifications(settings, queue, metrics, log);
  const backlog = composeBacklog(log);

  let closing: Promise<void> | null = null;
  const dependencies = composeDependencies({
    ...common,
    http,
    backlog,
    identity: entra.identity,
    audit: audit.audit,
    reads: audit.reads,
    rejectedSignIn: audit.rejectedSignIn,
    stopping: () => closing !== null,
  });

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

  const sweeping = composeSweep(settings, dependencies, log);

  /** In this order: no new calls, the calls under way, our own work, what all of that needed. */
  async function close(): Promise<void> {
    const { drainMs, shutdownMs } = settings.server;
    const endsAt = performance.now() + drainMs + shutdownMs;
    // What is not delivered yet, other replicas deliver, or the next process.
    const notified = notifications.stop();
    const unfinished = await servers.drain();
    if (unfinished > 0) log.error({ unfinished }, 'calls were left unfinished: their time was up');
    const recorded = await endsWithin(Math.max(0, endsAt - performance.now()), backlog.settled());
    backlog.stop();
    if (!recorded)
      log.error({ waiting: backlog.size }, 'outcomes could not be recorded before the process ended');
    const tidied = await endsWithin(
      settings.server.tidyMs,
      Promise.all([notified, sweeping.stop(), audit.close(), entra.close()]).then(() =>
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
      await expectOutsideCheckpoints(outsideCheckpointsFile, history, keys.verifiers, log);
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

/** Ends operations whose time is up. A failed sweep loses nothing: the next one finds the same operations. */
function composeSweep({ disconnect }: Settings, dependencies: Dependencies, log: Logger): Background {
  async function sweepOnce(): Promise<void> {
    try {
      const ended = await sweep(dependencies);
      if (ended > 0) log.warn({ ended }, 'operations whose time was up were ended');
    } catch (error) {
      log.warn({ error }, 'sweep for overdue operations failed');
    }
  }
  return repeat(disconnect.sweepMs, sweepOnce, log);
}

function composeBacklog(log: Logger): WriteBacklog {
  return new WriteBacklog({
    pause: (ms) => sleep(ms),
    // In full, since the log may be all that remains of it.
    onWaiting: ({ kind, event, failure }) =>
      log.error({ kind, event, failure: failure.reason, cause: causeOf(failure) }, waitingTexts[kind]),
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
