import { STATUS_CODES } from 'node:http';
import type { Request, Response } from 'express';
import { type Failure, graphTraceOf } from '../../core/failure.ts';
import { printable } from '../../core/text.ts';
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
  const context = contextOf(response);
  const replayOf = 'replayOf' in failure ? failure.replayOf : undefined;
  const requestId = replayOf ?? context.requestId;
  if (replayOf !== undefined) {
    response.setHeader('client-request-id', replayOf);
    response.setHeader('idempotency-replayed', 'true');
  }
  const graphRequestId = graphTraceOf(failure)?.requestId ?? null;
  if (graphRequestId !== null) response.setHeader('request-id', graphRequestId);
  const problem = problemOf(failure, { requestId, traceId: context.trace.traceId }, authorizationUri);
  for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
  response.status(problem.status);
  response.setHeader(
    'content-type',
    wantsPlainJson(request) ? 'application/json' : 'application/problem+json',
  );
  const text = printable(JSON.stringify(problem.body));
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(request.method === 'HEAD' ? undefined : text);
}

/** The whole answer, with its status line, to bytes that are not a request and so have no response object. It
 *  says that the connection closes. */
export function problemText(
  failure: Failure,
  ids: ProblemIds,
  headers: Readonly<Record<string, string>>,
): { readonly status: number; readonly text: string } {
  const { status, body } = problemOf(failure, ids, () => '');
  const text = printable(JSON.stringify(body));
  const lines = Object.entries({
    ...headers,
    'client-request-id': ids.requestId,
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(text)),
    'cache-control': 'no-store',
    date: new Date().toUTCString(),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}`;
  return { status, text: `${head}\r\n${text}` };
}

type ProblemIds = { readonly requestId: string; readonly traceId: string };

function problemOf(failure: Failure, ids: ProblemIds, authorizationUri: AuthorizationUri) {
  const { requestId, traceId } = ids;
  const { status, code, title, detail, hint, headers = {}, extra } = answerTo(failure, authorizationUri);
  const body = {
    type: `/docs/errors#${code}`,
    title,
    status,
    detail,
    instance: `urn:uuid:${requestId}`,
    code,
    requestId,
    traceId,
    hint,
    ...extra,
    error: {
      code,
      message: `${detail} ${hint}`,
      innerError: {
        'request-id': graphTraceOf(failure)?.requestId ?? requestId,
        'client-request-id': requestId,
        date: new Date().toISOString(),
      },
    },
  };
  return { status, headers, body };
}

// Microsoft's Graph client reads an error only when it is labelled application/json.
function wantsPlainJson(request: Request): boolean {
  if (request.get('sdkversion')?.toLowerCase().startsWith('graph-')) return true;
  const accept = (request.get('accept') ?? '').toLowerCase();
  return accept.includes('application/json') && !accept.includes('application/problem+json');
}
