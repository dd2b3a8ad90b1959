import { Counter, Gauge, type Registry } from 'prom-client';
import { type DroppedLines, lineKinds } from './log-output.ts';
import { prefix } from './metric-prefix.ts';

/** Metrics of this process: what runs, whether it is ready, its certificate, its log and its connections. */
export function createProcessMetrics(registers: Registry[]) {
  const metrics = {
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
  };
  // A value that has not been read yet must not look like a reading.
  metrics.tlsCertificateExpiry.remove();
  return metrics;
}

/** Shows how many log lines were dropped since the process began. */
export function showDroppedLines(
  { logLinesDropped }: Pick<ReturnType<typeof createProcessMetrics>, 'logLinesDropped'>,
  dropped: DroppedLines,
): void {
  logLinesDropped.reset();
  for (const kind of lineKinds) logLinesDropped.inc({ kind }, dropped[kind]);
}
