import type { z } from 'zod';
import type { ResponseHeader } from '../openapi/headers.ts';

/** All there is to a problem, but for what depends on the call. docs/errors.md says more under the same
 *  code, and a test compares the two. */
export type ProblemRow = {
  readonly status: number;
  readonly title: string;
  /** What happened. If there is none it depends on the call, and `answers.ts` must give it. */
  readonly detail?: string;
  /** What to do about it. */
  readonly hint: string;
  /** That nothing was done, as it is said after the detail and before the hint. It is not said where a request that is
   *  filed in Intune may still carry the act out. */
  readonly nothingDone?: { readonly detail?: string; readonly hint?: string };
  /** The headers it may bring, besides those of every answer. */
  readonly headers?: readonly (ResponseHeader | 'allow')[];
  /** Its further members (RFC 9457 3.2), each of which may be missing. */
  readonly members?: Readonly<Record<string, z.ZodType>>;
};

export const nothingDone = 'Nothing was done.';
