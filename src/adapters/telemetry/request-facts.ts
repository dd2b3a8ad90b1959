import type { Failure } from '../../core/failure.ts';
import type { CallAnnotations } from '../../core/frame.ts';
import type { Logs } from './logger.ts';
import type { Metrics } from './metrics.ts';
import type { LoggedTry } from './outbound-tries.ts';

/** What the edge reports about a request that is over. (`http` has the same shape; the two rooms know each
 *  other only through `compose`.) */
export type RequestFacts = {
  readonly requestId: string;
  readonly trace: {
    readonly traceId: string;
    readonly spanId: string;
    readonly parentId: string | null;
    readonly sampled: boolean;
  };
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly address: string;
  readonly userAgent: string | null;
  readonly aborted: boolean;
  readonly call: CallAnnotations;
  readonly failure: Failure | null;
  readonly defect: unknown;
};

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Times a request by route pattern, method and status; one whose caller did not wait for the answer is `aborted`,
 *  whatever its status would have been. */
export function observeRequest(metrics: Metrics, facts: RequestFacts): void {
  const method = knownMethods.has(facts.method) ? facts.method : 'other';
  metrics.httpDuration.observe(
    { route: facts.route, method, status: facts.aborted ? 'aborted' : String(facts.status) },
    facts.durationMs / 1000,
  );
}

/** Shows these `POST` routes with no calls yet, for each way a call may end that an alert asks about: Prometheus does
 *  not see a series grow that begins with its first call, and there may be no second one for weeks. */
export function expectRequests(metrics: Metrics, routes: readonly string[]): void {
  for (const route of routes) {
    for (const status of ['200', '202', '500', '502', '503', 'aborted']) {
      metrics.httpDuration.zero({ route, method: 'POST', status });
    }
  }
}

/** The one log line of a request: an allow-list of facts, with what left for it to Entra ID and Graph. */
export function logRequest({ log, requests }: Logs, facts: RequestFacts, tries?: readonly LoggedTry[]): void {
  const { readBackFailed, ...call } = facts.call;
  const line = {
    requestId: facts.requestId,
    traceId: facts.trace.traceId,
    spanId: facts.trace.spanId,
    parentSpanId: facts.trace.parentId ?? undefined,
    method: facts.method,
    route: facts.route,
    // Nobody received it.
    status: facts.aborted ? undefined : facts.status,
    durationMs: Math.round(facts.durationMs * 10) / 10,
    address: facts.address,
    userAgent: facts.userAgent ?? undefined,
    ...call,
    readBackFailed: readBackFailed && textOf(readBackFailed),
    aborted: facts.aborted || undefined,
    failure: facts.failure?.reason,
    cause: facts.failure === null ? undefined : causeOf(facts.failure),
    error: facts.defect ?? undefined,
    tries,
  };
  const ours = facts.defect !== null || readBackFailed?.reason === 'internal';
  if (ours || call.outcomeUnrecorded) log.error(line, 'request');
  else if (facts.status >= 500) log.warn(line, 'request');
  else requests.info(line, 'request');
}

function textOf(failure: Failure): string {
  const cause = causeOf(failure);
  return cause === undefined ? failure.reason : `${failure.reason}: ${cause}`;
}

/** The real cause, which the caller does not get. */
export function causeOf(failure: Failure): string | undefined {
  if ('cause' in failure) return failure.cause;
  if ('entraCode' in failure && failure.entraCode !== null) return `AADSTS${failure.entraCode}`;
  if ('graph' in failure) return `Graph answered ${failure.graph.status} ${failure.graph.code ?? ''}`.trim();
  return undefined;
}
