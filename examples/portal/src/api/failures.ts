import type { Problem } from './types.ts';

/** The API refused, and said why. */
export class ApiProblem extends Error {
  readonly problem: Problem;
  /** In seconds. */
  readonly retryAfter: number | null;

  constructor(problem: Problem, retryAfter: number | null) {
    super(problem.code);
    this.name = 'ApiProblem';
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** No answer of the API came back: the network, a gateway, or the time is up. Whether the call was carried
 *  out is not known. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** The person did not sign in when they had to. The call was not carried out. */
export class SignInAbandoned extends Error {
  override readonly name = 'SignInAbandoned';
}

/** The problem in an answer; `null` where it is none of the API's, but a gateway's in between. */
export function problemIn(body: unknown): Problem | null {
  if (typeof body !== 'object' || body === null) return null;
  const { code, requestId } = body as Partial<Problem>;
  return typeof code === 'string' && typeof requestId === 'string' ? (body as Problem) : null;
}

/** `Retry-After` in seconds, given as such or as a date. */
export function retryAfterOf(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d{1,6}$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}
