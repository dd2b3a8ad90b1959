import type { RequestHandler, Response } from 'express';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { CallFailed } from '../core/failure.ts';
import { type CallerLimit, contextOf } from './request-context.ts';

const windowSeconds = 60;

/** Turns away more than `maximum` requests at once, before they cost memory. */
export function concurrencyLimit(maximum: number): RequestHandler {
  let inFlight = 0;
  return (_request, response, next) => {
    if (inFlight >= maximum) throw new CallFailed({ reason: 'overloaded', retryAfter: 1 });
    inFlight += 1;
    response.on('close', () => {
      inFlight -= 1;
    });
    next();
  };
}

/** Limits the calls of one address in a minute; 0 is off. In memory: each replica counts for itself. */
export function addressLimit(perMinute: number): RequestHandler {
  if (perMinute === 0) return (_request, _response, next) => next();
  const count = counter('address', perMinute);
  return async (_request, response, next) => {
    await count(contextOf(response).address, response);
    next();
  };
}

/** Limits the calls of one caller in a minute; 0 is off. */
export function callerLimit(perMinute: number): CallerLimit {
  const count = counter('caller', perMinute);
  return (caller, response) => count(`${caller.tenantId} ${caller.oid}`, response);
}

/** Counts against a budget and tells what is left of it (draft-ietf-httpapi-ratelimit-headers). */
function counter(name: string, perMinute: number): (key: string, response: Response) => Promise<void> {
  if (perMinute === 0) return async () => {};
  const limiter = new RateLimiterMemory({ points: perMinute, duration: windowSeconds });
  return async (key, response) => {
    let state: RateLimiterRes;
    let exceeded = false;
    try {
      state = await limiter.consume(key);
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      state = error;
      exceeded = true;
    }
    const reset = Math.max(1, Math.ceil(state.msBeforeNext / 1000));
    // Both limits may apply; each header lists what holds.
    response.appendHeader('ratelimit-policy', `"${name}";q=${perMinute};w=${windowSeconds}`);
    response.appendHeader('ratelimit', `"${name}";r=${state.remainingPoints};t=${reset}`);
    if (exceeded) throw new CallFailed({ reason: 'rate_limited', retryAfter: reset });
  };
}
