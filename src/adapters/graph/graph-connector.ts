import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { CallFailed, noTrace } from '../../core/failure.ts';
import type { Clock, Connector, GraphAct, GraphCall } from '../../core/ports.ts';
import { type HttpClient, type OutboundAnswer, RequestFailed } from '../outbound/http-client.ts';
import { parseJson } from '../outbound/json.ts';
import { storable } from '../outbound/storable.ts';
import { approvalStatusIn } from './approval-request.ts';
import { type ParsedList, parseList } from './connection-list.ts';
import { failureFromGraph, traceOf } from './graph-answer.ts';
import { filedInIntune, proofHeader } from './intune-approval.ts';

export type GraphConnectorOptions = {
  /** Without a trailing slash, with the version: `https://graph.microsoft.com/beta`. */
  readonly baseUrl: string;
  readonly http: HttpClient;
  readonly timeoutMs: number;
  readonly clock: Clock;
};

const status = z.looseObject({ value: z.string().min(1).max(128).transform(storable) });
// A connection seldom changes, so that most lists have the text of an earlier one.
const maxCachedLists = 1000;
const maxCachedCharacters = 4 * 1024 * 1024;

/** The ChromeOS connector over Microsoft Graph's beta endpoint. An act is sent once at most; a read may be sent
 *  once more where its connection was closed under it. */
export function createGraphConnector(options: GraphConnectorOptions): Connector {
  const parsedLists = new LRUCache<string, ParsedList>({
    max: maxCachedLists,
    maxSize: maxCachedCharacters,
    sizeCalculation: (_list, text) => text.length,
  });
  const settingsUrl = `${options.baseUrl}/deviceManagement/chromeOSOnboardingSettings`;

  function parseAndCache(answer: OutboundAnswer): ParsedList {
    const list = parseList(answer.text);
    if (list === null) {
      throw unavailable(traceOf(answer), 'Graph answered 200 with something that is not a collection');
    }
    parsedLists.set(answer.text, list);
    return list;
  }

  /** Sends a request and gives its answer, if that is a 200. */
  async function request(
    call: GraphCall,
    { method, url, act }: { method: 'GET' | 'POST'; url: string; act: GraphAct | null },
  ): Promise<OutboundAnswer> {
    const sideEffect = act !== null;
    let answer: OutboundAnswer;
    try {
      answer = await options.http.send({
        method,
        url,
        headers: {
          authorization: `Bearer ${call.token.reveal()}`,
          accept: 'application/json',
          'client-request-id': call.requestId,
          ...proofHeader(act?.proof ?? null),
        },
        timeoutMs: Math.min(options.timeoutMs, call.deadline.leftMs()),
        ...(act === null ? { repeatable: true } : { ownConnection: true, beforeWriting: act.permit }),
      });
    } catch (error) {
      throw unanswered(error, { sideEffect });
    }
    if (answer.status === 200) return answer;
    const proven = act !== null && act.proof !== null;
    throw new CallFailed(
      failureFromGraph(answer, call.tenantId, { sideEffect, proven, now: options.clock() }),
    );
  }

  return {
    async disconnect(call) {
      const answer = await request(call, {
        method: 'POST',
        url: `${settingsUrl}/disconnect`,
        act: call,
      });
      const parsed = status.safeParse(parseJson(answer.text));
      if (parsed.success) return { value: parsed.data.value, graph: traceOf(answer) };
      const graph = traceOf(answer);
      const cause = 'Graph answered 200 with something that is not a status';
      throw new CallFailed(
        filedInIntune(answer, graph) ?? { reason: 'outcome_unknown', graph, cause, operationId: null },
      );
    },

    async list(call) {
      const answer = await request(call, { method: 'GET', url: settingsUrl, act: null });
      const { value, seen } = parsedLists.get(answer.text) ?? parseAndCache(answer);
      return { value, seen, graph: traceOf(answer) };
    },

    async approvalRequest(call) {
      const filter = encodeURIComponent(`requestId eq '${call.code}'`);
      const url = `${options.baseUrl}/deviceManagement/operationApprovalRequests?$filter=${filter}`;
      const answer = await request(call, { method: 'GET', url, act: null });
      const status = approvalStatusIn(answer.text, call.code);
      if (status !== undefined) return status;
      throw unavailable(traceOf(answer), 'Graph answered 200 with something that is not a list of requests');
    },
  };
}

/** No answer at all: certain that nothing was done only where nothing was sent. */
function unanswered(error: unknown, { sideEffect }: { sideEffect: boolean }): unknown {
  // A refusal to let it be sent, or a defect of ours.
  if (!(error instanceof RequestFailed)) return error;
  const cause = error.message;
  if (!sideEffect || !error.sent) return unavailable(noTrace, cause, { cause: error });
  const failure = { reason: 'outcome_unknown', graph: noTrace, cause, operationId: null } as const;
  return new CallFailed(failure, { cause: error });
}

function unavailable(graph: typeof noTrace, cause: string, options?: ErrorOptions): CallFailed {
  const failure = {
    reason: 'graph_unavailable',
    graph,
    retryAfterMs: null,
    cause,
  } as const;
  return new CallFailed(failure, options);
}
