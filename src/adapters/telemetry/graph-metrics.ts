import { Counter, Histogram, type Registry } from 'prom-client';
import { prefix } from './metric-prefix.ts';

/** Metrics of calls to Microsoft Graph, and of what came of the disconnects among them. */
export function createGraphMetrics(registers: Registry[]) {
  const metrics = {
    graphDuration: new Histogram({
      name: `${prefix}graph_request_duration_seconds`,
      help: 'Time of calls to Microsoft Graph, by operation and outcome.',
      labelNames: ['operation', 'outcome'] as const,
      buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
      registers,
    }),
    graphUnknownValues: new Counter({
      name: `${prefix}graph_unknown_values_total`,
      help: 'Statuses of Graph that this build does not know: the beta API has changed.',
      registers,
    }),
    tenantAnswers: new Counter({
      name: `${prefix}tenant_answers_total`,
      help: 'Answers of Entra ID to exchanges, and of Graph to calls, by tenant: ok, the reason where no caller can mend it, or other.',
      labelNames: ['tenant', 'peer', 'result'] as const,
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
  };
  // A counter that begins to exist with its first event hides that event from rate() and increase().
  for (const outcome of ['accepted', 'failed', 'unknown']) metrics.disconnects.inc({ outcome }, 0);
  return metrics;
}
