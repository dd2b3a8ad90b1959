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

// What scripts usually send, so that a browser need not ask again for each new set of headers.
const usualHeaders = [
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
];

// RFC 9110 5.6.2.
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** How long a browser may remember a preflight's answer, in seconds. Chromium remembers none longer. */
const preflightMaxAge = '7200';

/** The headers that let scripts of an allowed origin read an answer; none for other origins. Never with
 *  credentials: who calls is known by the token, which a script adds itself, and by nothing that a browser would
 *  add. */
export function crossOriginHeaders(
  origins: readonly string[],
): (origin: string | undefined) => Readonly<Record<string, string>> {
  const allowed = new Set(origins);
  const none = {};
  return (origin) =>
    origin !== undefined && allowed.has(origin)
      ? { 'access-control-allow-origin': origin, 'access-control-expose-headers': exposedHeaders }
      : none;
}

/** Lets scripts of these origins read every answer, errors among them, and of no others. An origin that is not
 *  on the list is not refused: it only cannot read. */
export function crossOrigin(origins: readonly string[]): RequestHandler {
  const headersFor = crossOriginHeaders(origins);
  return (request, response, next) => {
    response.setHeader('vary', 'Origin');
    const headers = headersFor(request.headers.origin);
    for (const name in headers) response.setHeader(name, headers[name] ?? '');
    next();
  };
}

/** Whether this is a browser's preflight for an origin that is allowed. */
export function isPreflight(request: Request, response: Response): boolean {
  return (
    request.method === 'OPTIONS' &&
    request.headers['access-control-request-method'] !== undefined &&
    response.hasHeader('access-control-allow-origin')
  );
}

/** Answers a preflight: these methods are taken here, with whatever headers are asked for. Tracing libraries add
 *  names of their own (`Request-Id`, `baggage`, `sentry-trace`), and a header grants nothing by itself. */
export function allowCall(request: Request, response: Response, methods: readonly string[]): void {
  response.setHeader('access-control-allow-methods', methods.join(', '));
  response.setHeader('access-control-allow-headers', acceptedHeaders(request).join(', '));
  response.setHeader('access-control-max-age', preflightMaxAge);
  response.setHeader('vary', 'Origin, Access-Control-Request-Headers');
}

function acceptedHeaders(request: Request): string[] {
  const asked = String(request.headers['access-control-request-headers'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => token.test(name));
  const usual = new Set(usualHeaders.map((name) => name.toLowerCase()));
  return [...usualHeaders, ...new Set(asked.filter((name) => !usual.has(name.toLowerCase())))];
}
