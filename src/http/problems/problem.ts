import type { Request, Response } from 'express';
import { type Failure, graphTraceOf } from '../../core/failure.ts';
import { contextOf } from '../middleware/request-context.ts';
import { type AuthorizationUri, answerTo } from './answers.ts';

/** Answers a failed call: problem details (RFC 9457) that are at once an error as Microsoft Graph
 *  shapes it, so that both kinds of client can read them. */
export function sendProblem(
  request: Request,
  response: Response,
  failure: Failure,
  authorizationUri: AuthorizationUri,
): void {
  const replayOf = 'replayOf' in failure ? failure.replayOf : undefined;
  const requestId = replayOf ?? contextOf(response).requestId;
  if (replayOf !== undefined) {
    response.setHeader('client-request-id', replayOf);
    response.setHeader('idempotency-replayed', 'true');
  }
  const answer = answerTo(failure, authorizationUri);
  const graph = graphTraceOf(failure);
  if (graph !== null && graph.requestId !== null) response.setHeader('request-id', graph.requestId);
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);

  const body = {
    type: `/docs/errors#${answer.code}`,
    title: answer.title,
    status: answer.status,
    detail: answer.detail,
    instance: `urn:uuid:${requestId}`,
    code: answer.code,
    requestId,
    traceId: contextOf(response).trace.traceId,
    hint: answer.hint,
    ...answer.extra,
    error: {
      code: answer.code,
      message: `${answer.detail} ${answer.hint}`,
      innerError: {
        'request-id': graph?.requestId ?? requestId,
        'client-request-id': requestId,
        date: new Date().toISOString(),
      },
    },
  };
  response.status(answer.status);
  response.setHeader(
    'content-type',
    wantsPlainJson(request) ? 'application/json' : 'application/problem+json',
  );
  if (request.method === 'HEAD') response.end();
  else response.end(JSON.stringify(body));
}

// Microsoft's Graph client reads an error only when it is labelled application/json.
function wantsPlainJson(request: Request): boolean {
  if (request.get('sdkversion')?.toLowerCase().startsWith('graph-')) return true;
  const accept = (request.get('accept') ?? '').toLowerCase();
  return accept.includes('application/json') && !accept.includes('application/problem+json');
}
