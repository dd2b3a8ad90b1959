import type { DisconnectCall } from '../api/api.ts';
import { ApiProblem, SignInAbandoned } from '../api/failures.ts';
import type { Problem } from '../api/types.ts';

/** One wish to disconnect, from the click to a certain answer. Its key is the same in each repetition, so
 *  that it is carried out once however often it is sent; another wish has another one. `oid` is whose wish
 *  it is: nobody else must send it again. */
export type Intent = DisconnectCall & { readonly oid: string };

/** What a try came to.
 *  - `operation`: it has become an operation, which tells the rest.
 *  - `refused`: certainly nothing was done.
 *  - `unsure`: it may have been carried out. Only the same call with the same key brings certainty. */
export type Sent =
  | { readonly end: 'operation'; readonly operationId: string }
  | { readonly end: 'refused'; readonly error: unknown }
  | { readonly end: 'unsure'; readonly error: unknown };

/** What a failed try says. `unsureBefore`: an earlier try may have been carried out. A refusal of this one
 *  says nothing about that one: only its own answer does, and the API gives it again to the same key. */
export function judge(error: unknown, unsureBefore: boolean): Sent {
  if (error instanceof ApiProblem) {
    const { problem } = error;
    // Its outcome is not known, but the operation it became is, and will be watched.
    if (becameAnOperation(problem) && problem.operationId !== undefined) {
      return { end: 'operation', operationId: problem.operationId };
    }
    return unsureBefore || mayHaveRun(problem) ? { end: 'unsure', error } : { end: 'refused', error };
  }
  if (error instanceof SignInAbandoned && !unsureBefore) return { end: 'refused', error };
  // No answer; or a defect of this portal, which may have struck after the call had left.
  return { end: 'unsure', error };
}

/** Whether the operation itself tells what is known. */
export function becameAnOperation({ code }: Problem): boolean {
  return code === 'outcome_unknown' || code === 'intune_approval_filed';
}

function mayHaveRun(problem: Problem): boolean {
  const { code } = problem;
  return becameAnOperation(problem) || code === 'idempotency_key_in_use' || code === 'internal_error';
}

/** How long to wait before asking again, in seconds, where the first try is known to be running still. */
export function askAgainAfter(error: unknown): number | null {
  if (!(error instanceof ApiProblem) || error.problem.code !== 'idempotency_key_in_use') return null;
  return error.retryAfter ?? 2;
}
