import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Dependencies } from '../core/dependencies.ts';
import { CallFailed, type Failure, failureOf } from '../core/failure.ts';
import { clientAddress } from './middleware/client-address.ts';
import { allowCall, crossOrigin, isPreflight } from './middleware/cross-origin.ts';
import { addressLimit, callerLimit, concurrencyLimit } from './middleware/limits.ts';
import {
  contextOf,
  type RequestBegun,
  type RequestFacts,
  requestContext,
} from './middleware/request-context.ts';
import { requireWellFormed } from './middleware/well-formed.ts';
import type { Installation } from './openapi/description.ts';
import type { AuthorizationUri } from './problems/answers.ts';
import { sendProblem } from './problems/problem.ts';
import { receiveBodies } from './request/json-body.ts';
import { auditActorRoutes } from './resources/audit-actors.ts';
import { auditEventRoutes } from './resources/audit-events.ts';
import { auditExportRoutes } from './resources/audit-export.ts';
import { auditVerificationRoutes } from './resources/audit-verification.ts';
import { connectionRoutes } from './resources/connection.ts';
import { decisionRoutes } from './resources/decision.ts';
import { disconnectRoutes } from './resources/disconnect.ts';
import { documentationRoutes } from './resources/documentation.ts';
import { executionRoutes } from './resources/execution.ts';
import { operationRoutes } from './resources/operations.ts';
import { profileRoutes } from './resources/profile.ts';
import { withdrawalRoutes } from './resources/withdrawal.ts';

export type ApiAppOptions = {
  readonly dependencies: Dependencies;
  /** Our own version, for exports. */
  readonly version: string;
  /** How many reverse proxies in front are trusted to say where a request came from. */
  readonly trustProxyHops: number;
  /** Called once, if what they send holds no address. */
  readonly onNoForwardedAddress: () => void;
  readonly limits: {
    readonly callerPerMinute: number;
    readonly addressPerMinute: number;
    readonly maxConcurrentRequests: number;
  };
  /** Whose scripts may read the answers. */
  readonly corsAllowedOrigins: readonly string[];
  readonly authorizationUri: AuthorizationUri;
  /** What the OpenAPI document says about this installation. */
  readonly installation: () => Installation;
  /** Runs what happens to a request, so that a trace can hold it together. */
  readonly withinRequest: (begun: RequestBegun, next: () => void) => void;
  readonly onRequestDone: (facts: RequestFacts) => void;
};

// What keeps a browser from taking an answer for anything but data: it is no page, holds nothing that may be
// loaded or framed, is of the type it says it is, and comes over TLS. The rest of helmet's headers are about
// windows and plug-ins; each costs a tenth of a microsecond and some bytes on every call.
const dataOnly = headersOf(
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
      },
    },
    // Only about loads without CORS: allowed origins read with it, and are not kept out.
    crossOriginResourcePolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xPoweredBy: false,
    xXssProtection: false,
  }),
);

/** The API that portals call, in the order a request goes through it. */
export function createApiApp(options: ApiAppOptions): Express {
  const { dependencies } = options;
  const app = express();
  // Routes read the whole query (`queryOf`); none of Express's parsers does.
  app.set('query parser', false);
  app.set('etag', false);
  app.disable('x-powered-by');

  app.use(
    requestContext({
      newId: dependencies.newId,
      addressOf: clientAddress({
        trustedProxies: options.trustProxyHops,
        onNoAddress: options.onNoForwardedAddress,
      }),
      answerMs: dependencies.timing.answerMs,
      limitCaller: callerLimit(options.limits.callerPerMinute),
      within: options.withinRequest,
      onDone: options.onRequestDone,
    }),
  );
  if (options.corsAllowedOrigins.length > 0) app.use(crossOrigin(options.corsAllowedOrigins));
  app.use((_request, response, next) => {
    for (const [name, value] of dataOnly) response.setHeader(name, value);
    response.setHeader('cache-control', 'no-store');
    next();
  });

  app.use(exceptOptions(concurrencyLimit(options.limits.maxConcurrentRequests)));
  app.use(exceptOptions(addressLimit(options.limits.addressPerMinute)));

  app.use(requireWellFormed, receiveBodies);

  app.use(
    connectionRoutes(dependencies),
    disconnectRoutes(dependencies),
    operationRoutes(dependencies),
    decisionRoutes(dependencies),
    withdrawalRoutes(dependencies),
    executionRoutes(dependencies),
    auditActorRoutes(dependencies),
    auditEventRoutes(dependencies),
    auditExportRoutes(dependencies, options.version),
    auditVerificationRoutes(dependencies),
    profileRoutes(dependencies),
    documentationRoutes(options.installation, async () => {
      // The documentation is loaded when it is first asked for.
      const { openApiDocument } = await import('./openapi/document.ts');
      return openApiDocument(options.installation());
    }),
  );

  app.use(nothingHere);
  app.use(problemHandler(options.authorizationUri));
  return app;
}

/** The headers that a handler sets on every answer alike, asked for once. */
function headersOf(handler: ReturnType<typeof helmet>): [string, string][] {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  handler(response.req, response, () => {});
  return Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]);
}

// OPTIONS does no work, and is how a browser learns whether it may read an answer about a limit at all.
function exceptOptions(limit: RequestHandler): RequestHandler {
  return (request, response, next) =>
    request.method === 'OPTIONS' ? next() : limit(request, response, next);
}

const nothingHere: RequestHandler = (request, response) => {
  if (!isPreflight(request, response)) throw new CallFailed({ reason: 'not_found' });
  // Otherwise a browser would not make the call, and its script would never see the 404.
  allowCall(request, response, ['GET', 'HEAD', 'POST']);
  response.status(204).end();
};

function problemHandler(authorizationUri: AuthorizationUri): ErrorRequestHandler {
  return (error, request, response, next) => {
    const context = contextOf(response);
    const failure = isMalformedUrl(error) ? notFound : failureOf(error);
    context.failure = failure;
    if (failure.reason === 'internal') context.defect = error;
    // Too late for a problem: Express ends the connection, so that half an answer is no answer.
    if (response.headersSent) return next(error);
    sendProblem(request, response, failure, authorizationUri);
  };
}

const notFound: Failure = { reason: 'not_found' };

// Express throws this for a path that can't be percent-decoded.
function isMalformedUrl(error: unknown): boolean {
  return error instanceof URIError;
}
