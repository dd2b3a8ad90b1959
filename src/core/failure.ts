import type { OperationStatus } from './operation/life.ts';
import type { Permission } from './permission.ts';

/** What Graph's answer lets us trace: its own request id, status, error code and date. */
export type GraphTrace = {
  readonly status: number | null;
  readonly code: string | null;
  readonly requestId: string | null;
  readonly date: string | null;
};

/** Where there is nothing to trace: no answer came. */
export const noTrace: GraphTrace = { status: null, code: null, requestId: null, date: null };

/** An operation that a failure is about, so that the answer can link to it. */
export type OperationReference = { readonly operationId: string };

/** How the body or the query of a request fails to be what the API takes; `field` is a path into it. */
export type ValidationIssue = { readonly field: string; readonly message: string };

/** Why a call ended badly. `filed`: under this code a request for approval of the operation is filed in Intune. The call
 *  did nothing, and completing that request carries the act out. */
export type Failure = FailureByReason & { readonly filed?: string };

/** Every reason for which a call can end badly. What a reason means in HTTP is decided in one
 *  place, `http/problems/answers.ts`; nothing below the HTTP layer knows a status of ours.
 *
 *  `cause` is for the log and never leaves the service. `retryAfter` is ours, in seconds;
 *  `retryAfterMs` is what the other side asked for, in milliseconds, or `null`. */
type FailureByReason =
  // The request itself.
  | { readonly reason: 'request_invalid'; readonly issues: readonly ValidationIssue[] }
  | { readonly reason: 'request_malformed'; readonly detail: string }
  | { readonly reason: 'request_timeout' }
  | { readonly reason: 'headers_too_large' }
  | { readonly reason: 'body_incomplete' }
  | { readonly reason: 'body_not_json'; readonly detail: string }
  | { readonly reason: 'body_too_large'; readonly limit: number }
  | { readonly reason: 'media_type_unsupported'; readonly detail: string }
  | { readonly reason: 'not_found' }
  | { readonly reason: 'method_not_allowed'; readonly allowed: readonly string[] }
  | {
      readonly reason: 'precondition_required';
      readonly header: string;
      /** What the caller must have read. */
      readonly resource: 'connection' | 'operation';
    }
  | { readonly reason: 'idempotency_key_required' }
  | { readonly reason: 'idempotency_key_reused' }
  | { readonly reason: 'idempotency_key_in_use'; readonly retryAfter: number }
  /** The caller went away before anything was on record; nobody receives this. */
  | { readonly reason: 'caller_gone' }
  // Who asks, and what they may.
  | { readonly reason: 'token_missing' }
  | { readonly reason: 'token_invalid'; readonly cause: string; readonly tenantId: string | null }
  | { readonly reason: 'insufficient_scope'; readonly cause: string; readonly tenantId: string }
  | { readonly reason: 'portal_not_allowed'; readonly tenantId: string }
  | { readonly reason: 'guest_not_allowed'; readonly tenantId: string }
  | {
      readonly reason: 'role_missing';
      readonly permission: Permission;
      readonly roles: readonly string[];
      readonly tenantId: string;
    }
  | { readonly reason: 'signing_keys_unavailable'; readonly retryAfter: number }
  // Entra ID, when we ask it for a token on the caller's behalf.
  | { readonly reason: 'claims_required'; readonly claims: string; readonly tenantId: string }
  | { readonly reason: 'assertion_rejected'; readonly entraCode: number | null; readonly tenantId: string }
  | { readonly reason: 'consent_required'; readonly entraCode: number | null; readonly consentUrl: string }
  | {
      readonly reason: 'tenant_setup_required';
      readonly entraCode: number | null;
      readonly missing: 'licence' | 'enabled_application' | 'unknown';
    }
  | { readonly reason: 'access_blocked'; readonly entraCode: number | null }
  | { readonly reason: 'exchange_refused'; readonly entraCode: number | null }
  | { readonly reason: 'exchange_misconfigured'; readonly entraCode: number | null }
  | { readonly reason: 'credential_rejected'; readonly entraCode: number | null }
  | { readonly reason: 'identity_throttled'; readonly retryAfterMs: number | null }
  | { readonly reason: 'identity_unavailable'; readonly retryAfterMs: number | null; readonly cause: string }
  // Microsoft Graph. In all but `outcome_unknown` it is certain that nothing was done.
  | { readonly reason: 'graph_token_rejected'; readonly graph: GraphTrace; readonly tenantId: string }
  | { readonly reason: 'graph_forbidden'; readonly graph: GraphTrace }
  | { readonly reason: 'graph_not_found'; readonly graph: GraphTrace }
  | { readonly reason: 'graph_conflict'; readonly graph: GraphTrace }
  | { readonly reason: 'graph_rejected'; readonly graph: GraphTrace }
  | {
      readonly reason: 'graph_throttled';
      readonly graph: GraphTrace;
      readonly retryAfterMs: number | null;
    }
  | {
      readonly reason: 'graph_unavailable';
      readonly graph: GraphTrace;
      readonly retryAfterMs: number | null;
      readonly cause: string;
    }
  | {
      readonly reason: 'outcome_unknown';
      readonly graph: GraphTrace;
      readonly cause: string;
      readonly operationId: string | null;
      /** The request id of the call that first got this answer, where this one repeats it. */
      readonly replayOf?: string;
    }
  // Intune's own Multi Admin Approval. Where a request was filed, whoever completes it in Intune carries the act
  // out; where one is required or pending, it is certain that this call did nothing.
  | { readonly reason: 'intune_approval_required'; readonly graph: GraphTrace }
  | { readonly reason: 'intune_approval_pending'; readonly graph: GraphTrace }
  | {
      readonly reason: 'intune_approval_filed';
      readonly graph: GraphTrace;
      /** Under which Intune knows the request; `null` where it gave none that can be read. Only that is a failure that a
       *  caller hears: with a code, the operation waits for Intune. */
      readonly approvalCode: string | null;
      readonly operationId: string | null;
      /** As with `outcome_unknown`. */
      readonly replayOf?: string;
    }
  /** It is decided in Intune, and not here. */
  | ({ readonly reason: 'decided_in_intune'; readonly approvalCode: string | null } & OperationReference)
  // The state of things here, which forbids it. Nothing was done.
  | { readonly reason: 'not_connected' }
  | { readonly reason: 'connection_changed' }
  | ({ readonly reason: 'operation_in_progress' } & OperationReference)
  | ({ readonly reason: 'operation_not_allowed'; readonly status: OperationStatus } & OperationReference)
  /** It is not as the caller read it. */
  | ({ readonly reason: 'operation_changed'; readonly status: OperationStatus } & OperationReference)
  | { readonly reason: 'operation_not_found' }
  | { readonly reason: 'own_approval' }
  | { readonly reason: 'not_the_requester' }
  | { readonly reason: 'disconnect_disabled'; readonly because: string }
  /** Nothing was sent: there was not enough time left to learn how it would end. */
  | { readonly reason: 'not_sent_in_time'; readonly cause: string; readonly retryAfter: number }
  | { readonly reason: 'rate_limited'; readonly retryAfter: number }
  | { readonly reason: 'overloaded'; readonly retryAfter: number }
  // This service itself.
  | {
      readonly reason: 'audit_unavailable';
      readonly cause: string;
      /** Whether the record may be there all the same, or may come to be: `unknown` where the database was asked and
       *  did not answer, or did not confirm that it is durable. Nothing was sent either way. */
      readonly recorded: 'no' | 'unknown';
    }
  // The trail of the caller's tenant lacks what this service had on record: nothing is done there.
  | { readonly reason: 'history_lost' }
  | { readonly reason: 'internal'; readonly cause: string };

export type FailureReason = Failure['reason'];

/** Whether signing in again cures it. Only the caller can do that, so they must hear it, whatever else there would be
 *  to show. */
export function isCuredBySigningIn({ reason }: Failure): boolean {
  return reason === 'claims_required' || reason === 'assertion_rejected' || reason === 'graph_token_rejected';
}

/** Thrown where a call ends badly for a reason we know. Anything else that is thrown is a defect,
 *  and is answered as an opaque internal error. */
export class CallFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.reason, options);
    this.name = 'CallFailed';
    this.failure = failure;
  }
}

/** The failure behind anything thrown: its own for `CallFailed`, `internal` for the rest. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CallFailed) return error.failure;
  return {
    reason: 'internal',
    cause: error instanceof Error ? `${error.name}: ${error.message}` : 'not an Error',
  };
}

/** What a call can do without: `null` where it fails for a reason we know. A defect is thrown on. */
export async function nullIfFailed<Value>(attempted: Promise<Value>): Promise<Value | null> {
  try {
    return await attempted;
  } catch (error) {
    if (failureOf(error).reason === 'internal') throw error;
    return null;
  }
}

/** What Graph said about a failed call, if it reached Graph. */
export function graphTraceOf(failure: Failure): GraphTrace | null {
  return 'graph' in failure ? failure.graph : null;
}
