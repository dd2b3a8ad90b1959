import express, { type Express, type Request, type Response } from 'express';

/** One check: a `problem` fails the probe, a `warning` is only shown. */
export type Check = { readonly name: string; readonly problem?: string; readonly warning?: string };

export type ManagementAppOptions = {
  /** Runs the checks that decide whether calls should come here. */
  readonly readiness: () => Promise<readonly Check[]>;
  /** The metrics in Prometheus' text format, and its content type. */
  readonly metrics: () => Promise<{ contentType: string; text: string }>;
};

/** Health and metrics, for the cluster and for Prometheus, on a port that portals cannot reach. */
export function createManagementApp(options: ManagementAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use((_request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    next();
  });

  // If it can answer, it is alive: a restart would not fix what is wrong elsewhere.
  app.get('/livez', (request, response) => sendChecks(request, response, [{ name: 'process' }]));
  app.get('/readyz', async (request, response) => sendChecks(request, response, await options.readiness()));
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

/** All checks with `?verbose`, else those that fail. */
function sendChecks(request: Request, response: Response, checks: readonly Check[]): void {
  const failed = checks.filter((check) => check.problem !== undefined);
  const ok = failed.length === 0;
  const listed = 'verbose' in request.query ? checks : failed;
  response.status(ok ? 200 : 503).json({
    status: ok ? 'ok' : 'not ready',
    ...(listed.length > 0 && {
      checks: listed.map(({ name, ...rest }) => ({ name, status: statusOf(rest), ...rest })),
    }),
  });
}

function statusOf({ problem, warning }: Omit<Check, 'name'>): 'ok' | 'warning' | 'failed' {
  if (problem !== undefined) return 'failed';
  return warning === undefined ? 'ok' : 'warning';
}
