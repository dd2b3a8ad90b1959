import { collectDefaultMetrics, Registry } from 'prom-client';
import { createAuditMetrics } from './audit-metrics.ts';
import { createEntraMetrics } from './entra-metrics.ts';
import { createGraphMetrics } from './graph-metrics.ts';
import { createNotificationMetrics } from './notification-metrics.ts';
import { createProcessMetrics } from './process-metrics.ts';
import { createRequestMetrics } from './request-metrics.ts';
import { createVitalGauges } from './vital-gauges.ts';

/** All metrics of one service, on a registry of its own. Labels are bounded: route patterns, our own
 *  reasons and results, the tenants on the allow-list; never a path, an id or a person. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    ...createRequestMetrics(registers),
    ...createEntraMetrics(registers),
    ...createGraphMetrics(registers),
    ...createAuditMetrics(registers),
    ...createProcessMetrics(registers),
    ...createVitalGauges(registers),
    ...createNotificationMetrics(registers),
    registry,
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
