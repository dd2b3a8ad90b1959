import type { Request, RequestHandler, Response } from 'express';

// What a script may read of an answer besides the few headers that are always readable.
const exposedHeaders = [
  'WWW-Authenticate',
  'client-request-id',
  'request-id',
  'ETag',
  'Location',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Idempotency-Replayed',
  'Preference-Applied',
  'Content-Disposition',
].join(', ');

// What a script may send. The last four come from tracing libraries and from Microsoft's Graph client.
const acceptedHeaders = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Prefer',
  'traceparent',
  'tracestate',
  'client-request-id',
  'SdkVersion',
  'Retry-Attempt',
].join(', ');

/** How long a browser may remember a preflight's answer, in seconds. Chromium remembers none longer. */
const preflightMaxAge = '7200';

/** Lets scripts of these origins read every answer, errors among them, and of no others. Never with
 *  credentials: who calls is known by the token, which a script adds itself, and by nothing that a
 *  browser would add. An origin that is not on the list is not refused: it only can not read. */
export function crossOrigin(origins: readonly string[]): RequestHandler {
  const allowed = new Set(origins);
  return (request, response, next) => {
    response.setHeader('vary', 'Origin');
    const { origin } = request.headers;
    if (origin !== undefined && allowed.has(origin)) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-expose-headers', exposedHeaders);
    }
    next();
  };
}

/** Whether a browser asks if it may make a call, for an origin that may. */
export function isPreflight(request: Request, response: Response): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.headers['access-control-request-method'] !== undefined &&
    response.hasHeader('access-control-allow-origin')
  );
}

/** Answers a preflight: these methods are taken here. */
export function allowCall(response: Response, methods: readonly string[]): void {
  response.setHeader('access-control-allow-methods', methods.join(', '));
  response.setHeader('access-control-allow-headers', acceptedHeaders);
  response.setHeader('access-control-max-age', preflightMaxAge);
}
