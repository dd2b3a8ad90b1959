import express, { type Express, type Response } from 'express';

/** One thing the service needs in order to serve; `problem` is absent where all is well. */
export type Check = { readonly name: string; readonly problem?: string };

export type ManagementAppOptions = {
  /** Runs the checks that decide whether calls should come here. */
  readonly readiness: () => Promise<readonly Check[]>;
  /** The metrics in Prometheus' text format, and its content type. */
  readonly metrics: () => Promise<{ contentType: string; text: string }>;
};

/** Health and metrics, for the cluster and for Prometheus, on a port that portals don't reach. */
export function createManagementApp(options: ManagementAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use((_request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    next();
  });

  // Alive is whoever can answer: a restart would mend nothing that is wrong elsewhere.
  app.get('/livez', (_request, response) => sendChecks(response, []));
  app.get('/readyz', async (_request, response) => sendChecks(response, await options.readiness()));
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await options.metrics();
    response.setHeader('content-type', contentType);
    response.end(text);
  });
  app.use((_request, response) => {
    response.status(404).type('text/plain').end('Here are /livez, /readyz and /metrics.\n');
  });
  return app;
}

function sendChecks(response: Response, checks: readonly Check[]): void {
  const ready = checks.every((check) => check.problem === undefined);
  response.status(ready ? 200 : 503).json({
    status: ready ? 'ok' : 'not ready',
    checks: checks.map(({ name, problem }) => ({
      name,
      status: problem === undefined ? 'ok' : 'failed',
      problem,
    })),
  });
}
