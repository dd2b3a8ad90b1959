import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { eventKinds } from '../../core/audit/audit-event.ts';
import { type DroppedLines, lineKinds } from './log-output.ts';
import { createNotificationMetrics } from './notification-metrics.ts';
import { createVitalGauges } from './vital-gauges.ts';

const prefix = 'chromeos_bff_';

/** All metrics of one service, on a registry of its own. Labels are bounded: route patterns, our own
 *  reasons and results, the tenants on the allow-list; never a path, an id or a person. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  const metrics = {
    httpDuration: new Histogram({
      name: `${prefix}http_request_duration_seconds`,
      help: 'Time to answer a request of the API, by route pattern, method and status.',
      labelNames: ['route', 'method', 'status'] as const,
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30],
      registers,
    }),
    tokenValidations: new Counter({
      name: `${prefix}token_validations_total`,
      help: "Callers' access tokens looked at, by result.",
      labelNames: ['result'] as const,
      registers,
    }),
    exchangeDuration: new Histogram({
      name: `${prefix}token_exchange_duration_seconds`,
      help: 'Time of on-behalf-of exchanges with Entra ID, retries included, by result.',
      labelNames: ['result'] as const,
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    exchangeCache: new Counter({
      name: `${prefix}token_exchange_cache_total`,
      help: 'Tokens for reads, by where they came from: the cache (hit), an exchange under way (shared) or a new one (miss).',
      labelNames: ['result'] as const,
      registers,
    }),
    exchangeCacheEntries: new Gauge({
      name: `${prefix}token_exchange_cache_entries`,
      help: 'Exchanged tokens in the cache.',
      registers,
    }),
    graphDuration: new Histogram({
      name: `${prefix}graph_request_duration_seconds`,
      help: 'Time of calls to Microsoft Graph, by operation and outcome.',
      labelNames: ['operation', 'outcome'] as const,
      buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
      registers,
    }),
    tenantAnswers: new Counter({
      name: `${prefix}tenant_answers_total`,
      help: 'Answers of Entra ID to exchanges, and of Graph to calls, by tenant: ok, the reason where no caller can mend it, or other.',
      labelNames: ['tenant', 'peer', 'result'] as const,
      registers,
    }),
    auditWrites: new Counter({
      name: `${prefix}audit_writes_total`,
      help: 'Audit events, by kind and by whether they became durable.',
      labelNames: ['event', 'result'] as const,
      registers,
    }),
    auditWriteDuration: new Histogram({
      name: `${prefix}audit_write_duration_seconds`,
      help: 'Time until an audit event is durable.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    disconnects: new Counter({
      name: `${prefix}disconnects_total`,
      help: 'Disconnects that reached the act, by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    operationDuration: new Histogram({
      name: `${prefix}operation_duration_seconds`,
      help: 'Time from sending a disconnect to its known end, by how it ended.',
      labelNames: ['status'] as const,
      buckets: [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400],
      registers,
    }),
    graphUnknownValues: new Counter({
      name: `${prefix}graph_unknown_values_total`,
      help: 'Statuses of Graph that this build does not know: the beta API has changed.',
      registers,
    }),
    auditSigned: new Gauge({
      name: `${prefix}audit_checkpoints_signed`,
      help: 'Whether checkpoints of the audit chains are signed: 1, or 0 where there is no key.',
      registers,
    }),
    auditCheckpoint: new Gauge({
      name: `${prefix}audit_checkpoint_timestamp_seconds`,
      help: 'When this process last made a checkpoint of an audit chain, as a Unix time; 0: not yet.',
      registers,
    }),
    auditContradicted: new Gauge({
      name: `${prefix}audit_contradicted`,
      help: 'Audit chains that are not signed, since they do not continue what was signed before, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    auditCheckpointFailures: new Counter({
      name: `${prefix}audit_checkpoint_failures_total`,
      help: 'Times the heads of the audit chains should have been checkpointed and could not be.',
      registers,
    }),
    auditRejectedSignInsDropped: new Counter({
      name: `${prefix}audit_rejected_sign_ins_dropped_total`,
      help: 'Rejected sign-ins that are not on record: the queue was full, or the write failed.',
      labelNames: ['reason'] as const,
      registers,
    }),
    signingKeysLoaded: new Gauge({
      name: `${prefix}signing_keys_loaded_timestamp_seconds`,
      help: "When a tenant's signing keys were last loaded, as a Unix time; 0: never.",
      labelNames: ['tenant'] as const,
      registers,
    }),
    signingKeysStale: new Gauge({
      name: `${prefix}signing_keys_stale`,
      help: "Whether a tenant's signing keys should have been replaced by now (1): no successful refresh for two intervals.",
      labelNames: ['tenant'] as const,
      registers,
    }),
    signingKeysRefreshes: new Counter({
      name: `${prefix}signing_keys_refreshes_total`,
      help: "Attempts to load a tenant's signing keys, by result.",
      labelNames: ['tenant', 'result'] as const,
      registers,
    }),
    credentialExpiry: new Gauge({
      name: `${prefix}credential_expiry_timestamp_seconds`,
      help: 'When our credential at Entra ID expires, as a Unix time; absent where it cannot be known.',
      labelNames: ['kind'] as const,
      registers,
    }),
    credentialRejections: new Counter({
      name: `${prefix}credential_rejections_total`,
      help: 'Exchanges that failed because Entra ID refused our own credential.',
      registers,
    }),
    buildInfo: new Gauge({
      name: `${prefix}build_info`,
      help: 'Always 1; the labels say what is running.',
      labelNames: ['version', 'revision', 'node'] as const,
      registers,
    }),
    ready: new Gauge({
      name: `${prefix}ready`,
      help: 'Whether this replica is ready to be called (1), or not (0), as readiness says at this moment.',
      registers,
    }),
    requestsInFlight: new Gauge({
      name: `${prefix}requests_in_flight`,
      help: 'Requests of the API that are not over.',
      registers,
    }),
    tlsCertificateExpiry: new Gauge({
      name: `${prefix}tls_certificate_expiry_timestamp_seconds`,
      help: "When the API port's certificate in use expires, as a Unix time; absent without TLS.",
      registers,
    }),
    logLinesDropped: new Counter({
      name: `${prefix}log_lines_dropped_total`,
      help: 'Log lines dropped because what reads stdout did not keep up, by kind.',
      labelNames: ['kind'] as const,
      registers,
    }),
    poolConnections: new Gauge({
      name: `${prefix}database_pool_connections`,
      help: 'Connections of the pool to PostgreSQL that are idle or active, and calls that wait for one.',
      labelNames: ['state'] as const,
      registers,
    }),
    ...createVitalGauges(registers),
    ...createNotificationMetrics(registers),
  };
  // A value that has not been read yet must not look like a reading.
  metrics.tlsCertificateExpiry.remove();
  // A counter that begins to exist with its first event hides that event from rate() and increase().
  for (const outcome of ['accepted', 'failed', 'unknown']) metrics.disconnects.inc({ outcome }, 0);
  for (const event of eventKinds) {
    for (const result of ['written', 'failed']) metrics.auditWrites.inc({ event, result }, 0);
  }
  for (const reason of ['full', 'not_written']) metrics.auditRejectedSignInsDropped.inc({ reason }, 0);
  for (const reason of ['changed', 'checkpoint_gone', 'never_signed'])
    metrics.auditContradicted.set({ reason }, 0);
  for (const result of ['hit', 'shared', 'miss']) metrics.exchangeCache.inc({ result }, 0);
  return { ...metrics, registry };
}

/** Shows how many log lines were dropped since the process began. */
export function showDroppedLines(metrics: Metrics, dropped: DroppedLines): void {
  metrics.logLinesDropped.reset();
  for (const kind of lineKinds) metrics.logLinesDropped.inc({ kind }, dropped[kind]);
}

export type Metrics = ReturnType<typeof createMetrics>;
