import type { AuditEvent } from '../../core/audit/audit-event.ts';
import { failureOf } from '../../core/failure.ts';
import { knownStatuses } from '../../core/operation/connection.ts';
import type { AuditTrail, Connector, Identity, Operations, RecordedReads } from '../../core/ports.ts';
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

/** Anything with an `exchange`, timed by result. */
export function measureExchange<Input extends unknown[], Output>(
  exchange: (...input: Input) => Promise<Output>,
  metrics: Metrics,
): (...input: Input) => Promise<Output> {
  return async (...input) => {
    const begun = performance.now();
    try {
      const output = await exchange(...input);
      metrics.exchangeDuration.observe({ result: 'exchanged' }, secondsSince(begun));
      return output;
    } catch (error) {
      metrics.exchangeDuration.observe({ result: failureOf(error).reason }, secondsSince(begun));
      throw error;
    }
  };
}

/** A Connector whose calls are timed by outcome, and whose words we do not know are counted. */
export function measureConnector(connector: Connector, metrics: Metrics): Connector {
  const timed = async <Answer>(operation: string, call: Promise<Answer>): Promise<Answer> => {
    const begun = performance.now();
    try {
      const answer = await call;
      metrics.graphDuration.observe({ operation, outcome: 'ok' }, secondsSince(begun));
      return answer;
    } catch (error) {
      const outcome = failureOf(error).reason;
      metrics.graphDuration.observe({ operation, outcome }, secondsSince(begun));
      throw error;
    }
  };
  const noticeWord = (value: string): void => {
    if (!knownStatuses.includes(value)) metrics.graphUnknownValues.inc();
  };
  return {
    async disconnect(call) {
      const answer = await timed('disconnect', connector.disconnect(call));
      noticeWord(answer.value);
      return answer;
    },
    async list(call) {
      const answer = await timed('list', connector.list(call));
      for (const { status } of answer.seen.members) noticeWord(status);
      return answer;
    },
  };
}

/** Operations whose outcomes are counted, and with them the events that are written together with them. */
export function measureOperations(operations: Operations, metrics: Metrics, writes: AuditWrites): Operations {
  const measured = async <Value>(event: AuditEvent, write: () => Promise<Value>): Promise<Value> => {
    const begun = performance.now();
    try {
      const value = await write();
      metrics.auditWriteDuration.observe(secondsSince(begun));
      return value;
    } catch (error) {
      writes.failed(event);
      throw error;
    }
  };
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
  return async (event) => {
    const begun = performance.now();
    try {
      const value = await append(event);
      metrics.auditWriteDuration.observe(secondsSince(begun));
      writes.written(event);
      return value;
    } catch (error) {
      writes.failed(event);
      throw error;
    }
  };
}

// The library's own timers make three objects and a closure each time.
function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000;
}
