import type { Request, RequestHandler, Response } from 'express';
import type { Caller } from '../../core/caller.ts';
import { type Deadline, deadlineAt } from '../../core/deadline.ts';
import type { Failure } from '../../core/failure.ts';
import type { Call, CallAnnotations } from '../../core/frame.ts';
import type { NewId } from '../../core/ports.ts';
import type { ArrivedBody } from '../request/arriving-body.ts';
import { bringsNoHttp, followedByNoHttp } from '../server/broken-requests.ts';
import { hasGone, whenOver } from '../server/over.ts';
import { continueTrace, type TraceContext } from './trace-context.ts';

declare module 'express-serve-static-core' {
  // What `response.locals` holds from the first handler on.
  interface Locals {
    context: RequestContext;
  }
}

/** What is known of a request while it is under way. */
export type RequestContext = {
  readonly requestId: string;
  readonly trace: TraceContext;
  /** The peer's, or what the trusted proxies in front of us say it is. */
  readonly address: string;
  /** By when it must be answered. */
  readonly deadline: Deadline;
  /** Counts it against its caller's rate, once the caller is known. */
  readonly limitCaller: CallerLimit;
  /** What arrives of its body; begun to be read by `receiveBodies`. */
  body: Promise<ArrivedBody>;
  /** Whether the caller had left before the answer was given. */
  aborted: boolean;
  annotations: CallAnnotations;
  failure: Failure | null;
  /** What was thrown, where that was a defect; for the log. */
  defect: unknown;
};

/** The facts about a request once it is over: the log line and the metrics come from this. */
export type RequestFacts = {
  readonly requestId: string;
  readonly trace: TraceContext;
  readonly method: string;
  /** The pattern of the route, never the path: callers can invent any path. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly address: string;
  readonly userAgent: string | null;
  /** The caller went away before the answer was sent: nobody received `status`. */
  readonly aborted: boolean;
  readonly call: CallAnnotations;
  readonly failure: Failure | null;
  readonly defect: unknown;
};

/** Counts a call against its caller's rate and says so in headers; fails with `rate_limited`. */
export type CallerLimit = (caller: Caller, response: Response) => void;

/** What is known of a request as it comes in. */
export type RequestBegun = Pick<RequestFacts, 'requestId' | 'trace' | 'method'>;

/** Gives each request its id and its place in a trace, and calls `onDone` when it is over: when the work on it
 *  has ended, even if its caller left earlier. Everything in between runs inside `within`. */
export function requestContext(options: {
  newId: NewId;
  /** Where a request came from. */
  addressOf: (request: Request) => string;
  /** How long an answer may take in all, in milliseconds. */
  answerMs: number;
  limitCaller: CallerLimit;
  within: (begun: RequestBegun, next: () => void) => void;
  onDone: (facts: RequestFacts) => void;
}): RequestHandler {
  return (request, response, next) => {
    const begun = performance.now();
    const context: RequestContext = {
      requestId: options.newId(),
      trace: continueTrace(traceparentOf(request)),
      address: options.addressOf(request),
      deadline: deadlineAt(begun + options.answerMs, () => performance.now()),
      limitCaller: options.limitCaller,
      body: unread,
      aborted: false,
      annotations: {},
      failure: null,
      defect: null,
    };
    response.locals.context = context;
    response.setHeader('client-request-id', context.requestId);
    response.on('prefinish', () => {
      context.aborted = hasGone(response);
    });
    whenOver(response, () => {
      options.onDone({
        requestId: context.requestId,
        trace: context.trace,
        method: request.method,
        route: routeOf(request),
        status: response.statusCode,
        durationMs: performance.now() - begun,
        address: context.address,
        userAgent: request.headers['user-agent']?.slice(0, 256) ?? null,
        aborted: context.aborted || !response.writableFinished,
        call: context.annotations,
        failure: context.failure,
        defect: context.defect,
      });
    });
    const { requestId, trace } = context;
    options.within({ requestId, trace, method: request.method }, next);
  };
}

const unread = Promise.resolve<ArrivedBody>({ state: 'none' });

export function contextOf(response: Response): RequestContext {
  return response.locals.context;
}

/** The request as the use cases see it. */
export function callOf(request: Request, response: Response): Call {
  const context = contextOf(response);
  return {
    authorization: valuesOf(request, 'authorization'),
    requestId: context.requestId,
    address: context.address,
    deadline: context.deadline,
    calledOff: () => whyCalledOff(request, response),
    enforceRateLimit: (caller) => context.limitCaller(caller, response),
    annotate: (annotations) => {
      Object.assign(context.annotations, annotations);
    },
  };
}

function whyCalledOff(request: Request, response: Response): Failure | null {
  if (hasGone(response)) return { reason: 'caller_gone' };
  return bringsNoHttp(request.socket) ? followedByNoHttp : null;
}

/** Every value of a header, by its name in lower case. Node's `headers` silently keep one `Authorization` of
 *  several; its `headersDistinct` take all headers apart to find one. */
export function valuesOf({ rawHeaders }: Request, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [given = '', value = ''] = [rawHeaders[index], rawHeaders[index + 1]];
    if (given.length === name.length && given.toLowerCase() === name) values.push(value);
  }
  return values;
}

// If there are several, none counts: Node joins them into something invalid.
function traceparentOf({ headers: { traceparent } }: Request): string | undefined {
  return typeof traceparent === 'string' ? traceparent : undefined;
}

function routeOf(request: Request): string {
  const path: unknown = request.route?.path;
  return typeof path === 'string' ? path : 'unmatched';
}
