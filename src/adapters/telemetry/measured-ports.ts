import { failureOf } from '../../core/failure.ts';
import type { AuditTrail, Connector, Identity } from '../../core/ports.ts';
import type { Metrics } from './metrics.ts';

/** An Identity whose validations are counted. (Exchanges are timed where one is made, not where one is
 *  asked for: the cache answers most.) */
export function measureIdentity(identity: Identity, metrics: Metrics): Identity {
  return {
    ...identity,
    async authenticate(authorization) {
      try {
        const signedIn = await identity.authenticate(authorization);
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
export function measureExchange<Input, Output>(
  exchange: (input: Input) => Promise<Output>,
  metrics: Metrics,
): (input: Input) => Promise<Output> {
  return async (input) => {
    const stop = metrics.exchangeDuration.startTimer();
    try {
      const output = await exchange(input);
      stop({ result: 'exchanged' });
      return output;
    } catch (error) {
      stop({ result: failureOf(error).reason });
      throw error;
    }
  };
}

/** A Connector whose calls are timed by outcome, and whose disconnects are counted by theirs. */
export function measureConnector(connector: Connector, metrics: Metrics): Connector {
  const timed = async <Answer>(operation: string, call: Promise<Answer>): Promise<Answer> => {
    const stop = metrics.graphDuration.startTimer({ operation });
    try {
      const answer = await call;
      stop({ outcome: 'ok' });
      return answer;
    } catch (error) {
      stop({ outcome: failureOf(error).reason });
      throw error;
    }
  };
  return {
    async disconnect(call) {
      try {
        const answer = await timed('disconnect', connector.disconnect(call));
        metrics.disconnects.inc({ outcome: 'accepted' });
        return answer;
      } catch (error) {
        const unknown = ['outcome_unknown', 'internal'].includes(failureOf(error).reason);
        metrics.disconnects.inc({ outcome: unknown ? 'unknown' : 'failed' });
        throw error;
      }
    },
    list: (call) => timed('list', connector.list(call)),
  };
}

/** An AuditTrail whose writes are timed and counted. */
export function measureAuditTrail(audit: AuditTrail, metrics: Metrics): AuditTrail {
  return {
    ...audit,
    async append(event) {
      const stop = metrics.auditWriteDuration.startTimer();
      try {
        await audit.append(event);
        stop();
        metrics.auditWrites.inc({ event: event.event, result: 'written' });
      } catch (error) {
        metrics.auditWrites.inc({ event: event.event, result: 'failed' });
        throw error;
      }
    },
  };
}
