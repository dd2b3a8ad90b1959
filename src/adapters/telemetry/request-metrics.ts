import { Gauge, Histogram, type Registry } from 'prom-client';
import { prefix } from './metric-prefix.ts';

/** Metrics of the calls that this service answers. */
export function createRequestMetrics(registers: Registry[]) {
  return {
    httpDuration: new Histogram({
      name: `${prefix}http_request_duration_seconds`,
      help: 'Time to answer a request of the API, by route pattern, method and status.',
      labelNames: ['route', 'method', 'status'] as const,
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30],
      registers,
    }),
    requestsInFlight: new Gauge({
      name: `${prefix}requests_in_flight`,
      help: 'Requests of the API that are not over.',
      registers,
    }),
  };
}
