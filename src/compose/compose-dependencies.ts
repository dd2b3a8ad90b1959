import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../adapters/database/database.ts';
import type { KnownHistory } from '../adapters/database/known-history.ts';
import { createPostgresOperations } from '../adapters/database/postgres-operations.ts';
import { createGraphConnector } from '../adapters/graph/graph-connector.ts';
import type { HttpClient } from '../adapters/outbound/http-client.ts';
import type { AuditWrites } from '../adapters/telemetry/audit-writes.ts';
import {
  measureConnector,
  measureIdentity,
  measureOperations,
} from '../adapters/telemetry/measured-ports.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { traceConnector, traceIdentity, traceOperations } from '../adapters/telemetry/traced-ports.ts';
import type { Dependencies } from '../core/dependencies.ts';
import type { Policy, PolicyOf } from '../core/operation/policy.ts';
import type { Backlog, Identity } from '../core/ports.ts';
import type { Settings } from '../settings/settings.ts';
import type { Traced } from './traced.ts';

type Given = Pick<Dependencies, 'audit' | 'reads' | 'rejectedSignIn' | 'stopping'> & {
  readonly settings: Settings;
  readonly identity: Identity;
  readonly http: HttpClient;
  readonly database: Database;
  readonly history: KnownHistory;
  readonly backlog: Backlog;
  readonly metrics: Metrics;
  readonly writes: AuditWrites;
  readonly traced: Traced;
};

/** What the use cases need, each port measured and traced. */
export function composeDependencies(given: Given): Dependencies {
  const { settings, http, database, history, metrics, writes, traced } = given;
  const { entra, graph, disconnect, audit } = settings;
  const connector = createGraphConnector({ ...graph, http, clock: Date.now });
  const { idempotencyMs } = disconnect;
  const operations = createPostgresOperations({ database, history, idempotencyMs });
  return {
    access: {
      requiredScope: entra.requiredScope,
      allowedClientIds: new Set(entra.allowedClientIds),
      guestsAllowed: entra.guestsAllowed,
      agentsAllowed: entra.agentsAllowed,
      roleNames: entra.roles,
    },
    identity: traced(measureIdentity(given.identity, metrics), traceIdentity),
    connector: traced(measureConnector(connector, metrics), traceConnector),
    audit: given.audit,
    reads: given.reads,
    rejectedSignIn: given.rejectedSignIn,
    keepNames: audit.keepNames,
    operations: traced(measureOperations(operations, metrics, writes), traceOperations),
    backlog: given.backlog,
    policyOf: policiesOf(disconnect),
    timing: {
      graphTimeoutMs: graph.timeoutMs,
      recordMs: audit.writeTimeoutMs,
      answerMs: settings.server.answerMs,
      ...disconnect,
    },
    pause: (ms) => sleep(ms),
    stopping: given.stopping,
    random: Math.random,
    clock: Date.now,
    monotonic: () => performance.now(),
    newId: randomUUID,
  };
}

/** The policy of each tenant: the common one, with what differs for that tenant. */
function policiesOf({ policy, tenants }: Settings['disconnect']): PolicyOf {
  const merged = new Map(
    Object.entries(tenants).map(([tenantId, differing]) => [tenantId, { ...policy, ...differing } as Policy]),
  );
  return (tenantId) => merged.get(tenantId) ?? policy;
}
