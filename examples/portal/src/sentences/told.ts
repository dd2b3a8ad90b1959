import { codeOf } from '../api/codes.ts';
import type { FailureReason, Problem, ProblemCode } from '../api/types.ts';
import type { Told } from './en.ts';
import { say } from './sentences.ts';

/** What a problem is to a person, and what to do next. A code that is younger than this portal is told in
 *  the service's own words. */
export function told({ code, title, hint }: Pick<Problem, 'code' | 'title' | 'hint'>): Told {
  return Object.hasOwn(say.problems, code) ? say.problems[code] : say.failure.unknownCode(title, hint);
}

/** The same of a reason on the record. */
export function toldReason(reason: FailureReason): string {
  return toldCode(codeOf(reason));
}

/** The same where there is nothing but the code. */
export function toldCode(code: ProblemCode): string {
  return Object.hasOwn(say.problems, code) ? say.problems[code].what : code;
}
