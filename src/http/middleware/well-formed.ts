import type { Request, RequestHandler } from 'express';
import { CallFailed } from '../../core/failure.ts';
import { valuesOf } from './request-context.ts';

/** Refuses, with `request_malformed`, what Node lets pass although it can be read in two ways, or means something
 *  that this service does not do. */
export const requireWellFormed: RequestHandler = (request, _response, next) => {
  const detail = whatIsMalformed(request);
  if (detail !== null) throw new CallFailed({ reason: 'request_malformed', detail });
  next();
};

function whatIsMalformed(request: Request): string | null {
  const { headers, httpVersion, originalUrl } = request;
  // RFC 9112 3.2.
  if (httpVersion === '1.1' && valuesOf(request, 'host').length !== 1) {
    return 'It must have exactly one Host header.';
  }
  // What follows would be cut off: a parameter that holds an act back, say.
  if (originalUrl.includes('#')) return 'Its address must not have a fragment (#).';
  const coding = headers['transfer-encoding'];
  // RFC 9112 6.1.
  if (coding !== undefined && httpVersion === '1.0') return 'HTTP/1.0 has no transfer codings.';
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    return 'The only transfer coding that is taken is chunked.';
  }
  const { expect } = headers;
  if (expect !== undefined && expect.trim().toLowerCase() !== '100-continue') {
    return 'The only expectation that can be met is 100-continue.';
  }
  return null;
}
