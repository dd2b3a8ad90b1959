import type { AuditEvent } from '../../core/audit/audit-event.ts';
import { type FailureReason, failureOf } from '../../core/failure.ts';
import { knownStatuses } from '../../core/operation/connection.ts';
import type {
  AuditTrail,
  Connector,
  GraphCall,
  Identity,
  Operations,
  RecordedReads,
} from '../../core/ports.ts';
import type { AuditWrites } from './audit-writes.ts';
import type { Metrics } from './metrics.ts';

/** An Identity whose validations are counted. (Exchanges are timed where one is made, not where one is
 *  asked for: the cache answers most.) */
export function measureIdentity(identity: Identity, metrics: Metrics): Identity {
  return {
    ...identity,
    async authenticate(authorization, deadline) {
      try {
        const signedIn = await identity.authenticate(authorization, deadline);
        metrics.tokenValidations.inc({ result: 'valid' });
        return signedIn;
      } catch (error) {
        metrics.tokenValidations.inc({ result: failureOf(error).reason });
        throw error;
      }
    },
  };
}

/** Reasons for which Entra ID or Graph refuse a tenant's users, and which the users cannot fix: only an
 *  administrator of the tenant can, or we. */
const beyondCallers = {
  entra: [
    'consent_required',
    'tenant_setup_required',
    'access_blocked',
    'exchange_refused',
    'exchange_misconfigured',
    'credential_rejected',
  ],
  graph: ['graph_forbidden'],
} as const satisfies Record<string, readonly FailureReason[]>;

type Peer = keyof typeof beyondCallers;

/** Begins the counts of a tenant's answers: a counter that begins to exist with its first event hides that event from
 *  PromQL's increase. */
export function countTenant(metrics: Metrics, tenant: string): void {
  for (const [peer, reasons] of Object.entries(beyondCallers)) {
    for (const result of ['ok', 'other', ...reasons]) metrics.tenantAnswers.inc({ tenant, peer, result }, 0);
  }
}

function countAnswer(metrics: Metrics, tenant: string, peer: Peer, reason: FailureReason | null): void {
  const counted: readonly string[] = beyondCallers[peer];
  const result = reason === null ? 'ok' : counted.includes(reason) ? reason : 'other';
  metrics.tenantAnswers.inc({ tenant, peer, result });
}

/** An `exchange`, timed by result and counted by tenant. */
export function measureExchange<Request extends { readonly tenantId: string }, Output>(
  exchange: (request: Request) => Promise<Output>,
  metrics: Metrics,
): (request: Request) => Promise<Output> {
  return async (request) => {
    const begun = performance.now();
    try {
      const output = await exchange(request);
      metrics.exchangeDuration.observe({ result: 'exchanged' }, secondsSince(begun));
      countAnswer(metrics, request.tenantId, 'entra', null);
      return output;
    } catch (error) {
      const { reason } = failureOf(error);
      metrics.exchangeDuration.observe({ result: reason }, secondsSince(begun));
      countAnswer(metrics, request.tenantId, 'entra', reason);
      throw error;
    }
  };
}

/** A Connector whose calls are timed by outcome, and whose unknown status words are counted. */
export function measureConnector(connector: Connector, metrics: Metrics): Connector {
  const timed = async <Answer>(
    operation: string,
    { tenantId }: GraphCall,
    asked: Promise<Answer>,
  ): Promise<Answer> => {
    const begun = performance.now();
    try {
      const answer = await asked;
      metrics.graphDuration.observe({ operation, outcome: 'ok' }, secondsSince(begun));
      countAnswer(metrics, tenantId, 'graph', null);
      return answer;
    } catch (error) {
      const outcome = failureOf(error).reason;
      metrics.graphDuration.observe({ operation, outcome }, secondsSince(begun));
      countAnswer(metrics, tenantId, 'graph', outcome);
      throw error;
    }
  };
  const noticeWord = (value: string): void => {
    if (!knownStatuses.includes(value)) metrics.graphUnknownValues.inc();
  };
  return {
    async disconnect(call) {
      const answer = await timed('disconnect', call, connector.disconnect(call));
      noticeWord(answer.value);
      return answer;
    },
    async list(call) {
      const answer = await timed('list', call, connector.list(call));
      for (const { status } of answer.seen.members) noticeWord(status);
      return answer;
    },
    approvalRequest: (call) => timed('approval_request', call, connector.approvalRequest(call)),
  };
}

/** Operations whose outcomes are counted, and with them the events that are written together with them. */
export function measureOperations(operations: Operations, metrics: Metrics, writes: AuditWrites): Operations {
  const measured = measuredWrite(metrics, writes);
  return {
    ...operations,
    async open(opening) {
      const opened = await measured(opening.event, () => operations.open(opening));
      if (typeof opened !== 'string') writes.written(opening.event);
      return opened;
    },
    async move(move) {
      const { event, to } = move;
      const moved = await measured(event, () => operations.move(move));
      if (typeof moved === 'string') return moved;
      writes.written(event);
      if (event.event === 'outcome') metrics.disconnects.inc({ outcome: to });
      if (moved.tookMs !== null) {
        metrics.operationDuration.observe({ status: moved.status }, moved.tookMs / 1000);
      }
      return moved;
    },
  };
}

/** An AuditTrail whose writes are timed and counted. */
export function measureAuditTrail(audit: AuditTrail, metrics: Metrics, writes: AuditWrites): AuditTrail {
  return { ...audit, append: measuredAppend((event) => audit.append(event), metrics, writes) };
}

/** The same for the record of reads. */
export function measureReads(reads: RecordedReads, metrics: Metrics, writes: AuditWrites): RecordedReads {
  return { append: measuredAppend((event) => reads.append(event), metrics, writes) };
}

function measuredAppend<Value>(
  append: (event: AuditEvent) => Promise<Value>,
  metrics: Metrics,
  writes: AuditWrites,
): (event: AuditEvent) => Promise<Value> {
  const measured = measuredWrite(metrics, writes);
  return async (event) => {
    const value = await measured(event, () => append(event));
    writes.written(event);
    return value;
  };
}

/** Times a write of an event, and counts its failure. That it was written is for the caller to say: a move may come to
 *  nothing without a failure. */
function measuredWrite(metrics: Metrics, writes: AuditWrites) {
  return async <Value>(event: AuditEvent, write: () => Promise<Value>): Promise<Value> => {
    const begun = performance.now();
    try {
      const value = await write();
      metrics.auditWriteDuration.observe(secondsSince(begun));
      return value;
    } catch (error) {
      writes.failed(event, performance.now() - begun);
      throw error;
    }
  };
}

// The library's own timers make three objects and a closure each time.
function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000;
}
