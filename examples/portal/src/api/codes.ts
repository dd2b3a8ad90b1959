import type { FailureReason, ProblemCode } from './types.ts';

/** The code under which a reason of the record is told. */
export function codeOf(reason: FailureReason): ProblemCode {
  switch (reason) {
    case 'token_invalid':
    case 'assertion_rejected':
      return 'invalid_token';
    case 'claims_required':
      return 'insufficient_claims';
    case 'internal':
      return 'internal_error';
    default:
      return reason;
  }
}
