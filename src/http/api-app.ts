import express, { type ErrorRequestHandler, type Express } from 'express';
import helmet from 'helmet';
import type { World } from '../core/call.ts';
import { CallFailed, type Failure, failureOf } from '../core/failure.ts';
import type { AuthorizationUri } from './answers.ts';
import { addressLimit, callerLimit, concurrencyLimit } from './limits.ts';
import { sendProblem } from './problem.ts';
import { contextOf, type RequestBegun, type RequestFacts, requestContext } from './request-context.ts';
import { auditRoutes } from './routes/audit.ts';
import { auditExportRoutes } from './routes/audit-export.ts';
import { connectionRoutes } from './routes/connection.ts';
import { operationRoutes } from './routes/operations.ts';
import { profileRoutes } from './routes/profile.ts';

export type ApiAppOptions = {
  readonly world: World;
  /** Our own version, as exports tell it. */
  readonly version: string;
  /** How many proxies in front may speak for the peer's address. */
  readonly trustProxyHops: number;
  readonly limits: {
    readonly callerPerMinute: number;
    readonly addressPerMinute: number;
    readonly maxConcurrentRequests: number;
  };
  readonly authorizationUri: AuthorizationUri;
  /** Runs what happens to a request, so that a trace can hold it together. */
  readonly withinRequest: (begun: RequestBegun, next: () => void) => void;
  readonly onRequestDone: (facts: RequestFacts) => void;
};

/** The API that portals call, in the order a request goes through it. */
export function createApiApp(options: ApiAppOptions): Express {
  const { world } = options;
  const app = express();
  app.locals.callerLimit = callerLimit(options.limits.callerPerMinute);
  app.set('trust proxy', options.trustProxyHops === 0 ? false : options.trustProxyHops);
  app.set('query parser', 'simple');
  app.set('etag', false);

  app.use(
    requestContext({ newId: world.newId, within: options.withinRequest, onDone: options.onRequestDone }),
  );
  app.use(
    helmet({
      // Nothing here is a page: nothing may be loaded, framed or submitted.
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          frameAncestors: ["'none'"],
          baseUri: ["'none'"],
          formAction: ["'none'"],
        },
      },
    }),
  );
  app.use((_request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    next();
  });

  app.use(concurrencyLimit(options.limits.maxConcurrentRequests));
  app.use(addressLimit(options.limits.addressPerMinute));

  app.use(
    connectionRoutes(world),
    operationRoutes(world),
    auditRoutes(world),
    auditExportRoutes(world, options.version),
    profileRoutes(world),
  );

  app.use(() => {
    throw new CallFailed({ reason: 'not_found' });
  });
  app.use(problemHandler(options.authorizationUri));
  return app;
}

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
