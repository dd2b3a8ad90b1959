import type { RequestHandler } from 'express';
import { CallFailed } from '../../core/failure.ts';
import { allowCall, isPreflight } from '../middleware/cross-origin.ts';

/** For methods that a resource does not accept: names those it does (RFC 9110 15.5.6), and answers
 *  OPTIONS (preflights too) with them. */
export function methodNotAllowed(...methods: readonly string[]): RequestHandler {
  const allowed = [...methods, 'OPTIONS'];
  return (request, response) => {
    if (request.method !== 'OPTIONS') throw new CallFailed({ reason: 'method_not_allowed', allowed });
    response.setHeader('allow', allowed.join(', '));
    if (isPreflight(request, response)) allowCall(request, response, methods);
    response.status(204).end();
  };
}
