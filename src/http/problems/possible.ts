import type { ProblemCode } from './catalogue.ts';

/** Which problems calls can end with, by what the calls do. */

/** For every call, whoever makes it. */
export const anyCall = [
  'request_malformed',
  'request_timeout',
  'headers_too_large',
  'rate_limited',
  'overloaded',
  'internal_error',
] as const satisfies ProblemCode[];

/** For every call of someone who signed in. */
export const signedIn = [
  'request_invalid',
  'token_missing',
  'invalid_token',
  'insufficient_scope',
  'portal_not_allowed',
  'guest_not_allowed',
  'signing_keys_unavailable',
  'audit_unavailable',
] as const satisfies ProblemCode[];

/** Where a token is exchanged on behalf of the caller. */
export const onBehalfOf = [
  'insufficient_claims',
  'consent_required',
  'tenant_setup_required',
  'access_blocked',
  'exchange_refused',
  'exchange_misconfigured',
  'credential_rejected',
  'identity_throttled',
  'identity_unavailable',
] as const satisfies ProblemCode[];

/** Where Graph is asked. */
export const fromGraph = [
  'graph_token_rejected',
  'graph_forbidden',
  'graph_not_found',
  'graph_conflict',
  'graph_rejected',
  'graph_throttled',
  'graph_unavailable',
] as const satisfies ProblemCode[];

/** Where there may be a body. */
export const withBody = [
  'body_incomplete',
  'body_not_json',
  'body_too_large',
  'media_type_unsupported',
  'caller_gone',
] as const satisfies ProblemCode[];

/** Why an act is not done, or not known to be. */
export const actProblems = [
  ...onBehalfOf,
  ...fromGraph,
  ...withBody,
  'not_sent_in_time',
  'precondition_required',
  'disconnect_disabled',
  'history_lost',
  'not_connected',
  'connection_changed',
  'operation_not_found',
  'outcome_unknown',
  'intune_approval_required',
  'intune_approval_pending',
  'intune_approval_filed',
] as const;
