import type { RequestHandler, Response } from 'express';
import { CallFailed } from '../../core/failure.ts';
import { whenOver } from '../server/over.ts';
import { CallCounts } from './call-counts.ts';
import { type CallerLimit, contextOf } from './request-context.ts';

const windowSeconds = 60;

/** Turns away more than `maximum` requests at once, before they cost memory. A place is held until the work ends,
 *  not until the caller leaves: hanging up and calling again must not raise the number of requests at work. */
export function concurrencyLimit(maximum: number): RequestHandler {
  let inFlight = 0;
  return (_request, response, next) => {
    if (inFlight >= maximum) throw new CallFailed({ reason: 'overloaded', retryAfter: 1 });
    inFlight += 1;
    whenOver(response, () => {
      inFlight -= 1;
    });
    next();
  };
}

/** Limits the calls of one address in a minute; 0 is off. In memory: each replica counts for itself. */
export function addressLimit(perMinute: number): RequestHandler {
  const count = counter('address', perMinute);
  return (_request, response, next) => {
    count(contextOf(response).address, response);
    next();
  };
}

/** Limits the calls of one caller in a minute; 0 is off. */
export function callerLimit(perMinute: number): CallerLimit {
  const count = counter('caller', perMinute);
  return ({ tenantId, oid }, response) => count(`${tenantId} ${oid}`, response);
}

/** Counts against a budget and says in headers what is left of it (draft-ietf-httpapi-ratelimit-headers). Fails with
 *  `rate_limited`. */
function counter(name: string, perMinute: number): (key: string, response: Response) => void {
  if (perMinute === 0) return () => {};
  const counts = new CallCounts(windowSeconds * 1000);
  const policy = `"${name}";q=${perMinute};w=${windowSeconds}`;
  return (key, response) => {
    // Not the time of day, which may be set back; whole, or the sum and difference below round to 60.000000001 s.
    const now = Math.floor(performance.now());
    const { calls, endsAt } = counts.count(key, now);
    const reset = Math.max(1, Math.ceil((endsAt - now) / 1000));
    // Both limits may apply; each header lists what holds.
    response.appendHeader('ratelimit-policy', policy);
    response.appendHeader('ratelimit', `"${name}";r=${Math.max(0, perMinute - calls)};t=${reset}`);
    if (calls > perMinute) throw new CallFailed({ reason: 'rate_limited', retryAfter: reset });
  };
}
