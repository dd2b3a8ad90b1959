import { z } from 'zod';
import type { Failure, GraphTrace } from '../../core/failure.ts';
import type { OutboundAnswer } from '../outbound/http-client.ts';
import { isJsonObject, parseJson } from '../outbound/json.ts';
import { retryAfterMs } from '../outbound/retry-after.ts';
import { intuneApprovalIn } from './intune-approval.ts';

const graphError = z.looseObject({
  error: z.looseObject({
    code: z.string().optional(),
    innerError: z
      .looseObject({ 'request-id': z.string().optional(), date: z.string().optional() })
      .optional(),
  }),
});

/** What an answer of Graph's lets us trace. Headers are preferred: a proxy's HTML has no body to read, and
 *  that of a success holds none of it. */
export function traceOf(answer: OutboundAnswer): GraphTrace {
  const parsed = answer.status === 200 ? null : graphError.safeParse(parseJson(answer.text));
  const error = parsed?.success ? parsed.data.error : undefined;
  return {
    status: answer.status,
    code: safeToken(error?.code),
    requestId: safeToken(answer.headers['request-id'] ?? error?.innerError?.['request-id']),
    date: safeToken(answer.headers.date ?? error?.innerError?.date),
  };
}

/** The 4xx by which a server says that it did not do what was asked (RFC 9110 15.5, RFC 6585). Not among
 *  them: a timeout that it reports of itself (408) or that a proxy reports (499), and codes nobody defined. */
const refusals = new Set([
  400, 402, 405, 406, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 426, 428, 431, 451,
]);

/** The reason behind an answer of Graph's that is not a success, from status and headers, and from the text only
 *  where nothing else distinguishes it. `sideEffect`: the request may have changed something before the answer failed,
 *  so whatever does not say clearly that nothing was done leaves the outcome unknown. `proven`: it had a justification
 *  or an approval code for Intune. */
export function failureFromGraph(
  answer: OutboundAnswer,
  tenantId: string,
  { sideEffect, proven = false, now }: { sideEffect: boolean; proven?: boolean; now: number },
): Failure {
  const graph = traceOf(answer);
  const approval = sideEffect ? intuneApprovalIn(answer, graph, { proven }) : null;
  if (approval !== null) return approval;
  const askedMs = retryAfterMs(answer.headers['retry-after'], now);
  switch (answer.status) {
    case 401: {
      const claims = claimsChallenge(answer.headers['www-authenticate']);
      return claims === null
        ? { reason: 'graph_token_rejected', graph, tenantId }
        : { reason: 'claims_required', claims, tenantId };
    }
    case 403:
      return { reason: 'graph_forbidden', graph };
    case 404:
      return { reason: 'graph_not_found', graph };
    case 409:
      return { reason: 'graph_conflict', graph };
    case 429:
      return { reason: 'graph_throttled', graph, retryAfterMs: askedMs };
  }
  // Without a side effect nothing can have been done; with one, only what says so clearly says so.
  if (answer.status >= 400 && answer.status < 500 && (!sideEffect || refusals.has(answer.status))) {
    return { reason: 'graph_rejected', graph };
  }
  const cause = `Graph answered ${answer.status}`;
  // With Retry-After Graph says that it took nothing on; without it, nobody knows.
  const nothingDone = !sideEffect || (answer.status === 503 && askedMs !== null);
  return nothingDone
    ? { reason: 'graph_unavailable', graph, retryAfterMs: askedMs, cause }
    : { reason: 'outcome_unknown', graph, cause, operationId: null };
}

/** The claims of a continuous-access-evaluation challenge (RFC 9470; Microsoft's claims challenge
 *  format), decoded to their JSON text; `null` where there is none that can be read. An answer may
 *  carry several challenges, and may leave a parameter unquoted. */
function claimsChallenge(wwwAuthenticate: string | undefined): string | null {
  if (wwwAuthenticate === undefined) return null;
  for (const [, quoted, bare] of wwwAuthenticate.matchAll(
    /(?:^|[\s,])claims\s*=\s*(?:"([^"]*)"|([^\s,"]+))/gi,
  )) {
    const text = Buffer.from((quoted ?? bare) as string, 'base64').toString('utf8');
    if (isJsonObject(parseJson(text))) return text;
  }
  return null;
}

// What is passed on of Graph's text must be short and printable, without markup. The rest is dropped.
function safeToken(value: string | undefined): string | null {
  return value !== undefined && /^[\w .,:;+/-]{1,128}$/.test(value) ? value : null;
}
