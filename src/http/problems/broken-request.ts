import type { NewId } from '../../core/ports.ts';
import { crossOriginHeaders } from '../middleware/cross-origin.ts';
import type { RequestFacts } from '../middleware/request-context.ts';
import { continueTrace } from '../middleware/trace-context.ts';
import type { BrokenRequest } from '../server/broken-requests.ts';
import { problemText } from './problem.ts';

/** Answers what is no request with a problem, which scripts of these origins may read, and reports it to `onDone`
 *  like a request. `route` is what the log and the metrics call it. */
export function answerToBroken(options: {
  readonly newId: NewId;
  readonly corsAllowedOrigins: readonly string[];
  readonly route: string;
  readonly onDone: (facts: RequestFacts) => void;
}): (request: BrokenRequest) => string {
  const readableFor = crossOriginHeaders(options.corsAllowedOrigins);
  const vary = options.corsAllowedOrigins.length > 0 ? { vary: 'Origin' } : {};
  return ({ failure, address, origin }) => {
    const requestId = options.newId();
    const trace = continueTrace(undefined);
    const headers = { ...vary, ...readableFor(origin ?? undefined) };
    const answer = problemText(failure, { requestId, traceId: trace.traceId }, headers);
    options.onDone({
      requestId,
      trace,
      method: 'unknown',
      route: options.route,
      status: answer.status,
      durationMs: 0,
      address,
      userAgent: null,
      aborted: false,
      call: {},
      failure,
      defect: null,
    });
    return answer.text;
  };
}
