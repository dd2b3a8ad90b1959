import { z } from 'zod';
import { CallFailed } from '../../core/failure.ts';
import type { Connector, GraphCall } from '../../core/ports.ts';
import { type HttpClient, type OutboundAnswer, RequestFailed } from '../outbound/http-client.ts';
import { parseJson } from '../outbound/json.ts';
import { failureFromGraph, noTrace, traceOf } from './graph-answer.ts';

export type GraphConnectorOptions = {
  /** Without a trailing slash, with the version: `https://graph.microsoft.com/beta`. */
  readonly baseUrl: string;
  readonly http: HttpClient;
  readonly timeoutMs: number;
};

const status = z.looseObject({ value: z.string().min(1).max(128) });
const collection = z.looseObject({ value: z.array(z.looseObject({})) });

/** The ChromeOS connector over Microsoft Graph's beta endpoint. Sends each request exactly once. */
export function createGraphConnector({ baseUrl, http, timeoutMs }: GraphConnectorOptions): Connector {
  const settingsUrl = `${baseUrl}/deviceManagement/chromeOSOnboardingSettings`;

  const headersOf = (call: GraphCall) => ({
    authorization: `Bearer ${call.token.reveal()}`,
    accept: 'application/json',
    'client-request-id': call.requestId,
  });

  return {
    async disconnect(call) {
      let answer: OutboundAnswer;
      try {
        answer = await http.send({
          method: 'POST',
          url: `${settingsUrl}/disconnect`,
          headers: headersOf(call),
          timeoutMs,
        });
      } catch (error) {
        throw unanswered(error, { sideEffect: true });
      }
      if (answer.status !== 200) {
        throw new CallFailed(failureFromGraph(answer, call.tenantId, { sideEffect: true }));
      }
      const parsed = status.safeParse(parseJson(answer.text));
      if (!parsed.success) {
        const cause = 'Graph answered 200 with something else than a status';
        throw new CallFailed({ reason: 'outcome_unknown', graph: traceOf(answer), cause });
      }
      return { value: parsed.data.value, graph: traceOf(answer) };
    },

    async list(call) {
      let answer: OutboundAnswer;
      try {
        answer = await http.send({ method: 'GET', url: settingsUrl, headers: headersOf(call), timeoutMs });
      } catch (error) {
        throw unanswered(error, { sideEffect: false });
      }
      if (answer.status !== 200) {
        throw new CallFailed(failureFromGraph(answer, call.tenantId, { sideEffect: false }));
      }
      const parsed = collection.safeParse(parseJson(answer.text));
      if (!parsed.success) {
        const cause = 'Graph answered 200 with something else than a collection';
        throw new CallFailed({
          reason: 'graph_unavailable',
          graph: traceOf(answer),
          retryAfter: null,
          cause,
        });
      }
      return { value: parsed.data.value, graph: traceOf(answer) };
    },
  };
}

/** No answer at all: certain that nothing was done only where nothing was sent. */
function unanswered(error: unknown, { sideEffect }: { sideEffect: boolean }): CallFailed {
  const cause = error instanceof RequestFailed ? error.message : 'an unknown error';
  const nothingDone = !sideEffect || (error instanceof RequestFailed && !error.sent);
  return new CallFailed(
    nothingDone
      ? { reason: 'graph_unavailable', graph: noTrace, retryAfter: null, cause }
      : { reason: 'outcome_unknown', graph: noTrace, cause },
    { cause: error },
  );
}
