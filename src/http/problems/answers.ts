import type { z } from 'zod';
import type { Failure } from '../../core/failure.ts';
import { apiPath } from '../api-path.ts';
import { catalogue, type ProblemCode } from './catalogue.ts';
import type { ProblemRow } from './problem-row.ts';

/** What a failure means in HTTP. */
export type Answer = {
  readonly status: number;
  readonly code: ProblemCode;
  readonly title: string;
  readonly detail: string;
  /** What to do about it. */
  readonly hint: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the problem (RFC 9457 3.2). */
  readonly extra?: Readonly<Record<string, unknown>>;
};

/** An answer before it is said that nothing was done. */
type Draft = Answer & { readonly nothingDone: NonNullable<ProblemRow['nothingDone']> };

/** Where a tenant's people sign in; `null` is the home tenant. */
export type AuthorizationUri = (tenantId: string | null) => string;

type Row<Code extends ProblemCode> = (typeof catalogue)[Code];
type HeaderOf<Code extends ProblemCode> =
  Row<Code> extends { headers: readonly (infer Name extends string)[] } ? Name : never;
type MembersOf<Code extends ProblemCode> =
  Row<Code> extends { members: infer Members extends z.core.$ZodShape }
    ? { readonly [Name in keyof Members]?: z.core.input<Members[Name]> }
    : { readonly [name: string]: never };
type Details<Code extends ProblemCode> = (Row<Code> extends { detail: string }
  ? { readonly detail?: string }
  : { readonly detail: string }) & {
  readonly headers?: { readonly [Name in HeaderOf<Code>]?: string };
  readonly extra?: MembersOf<Code>;
} & Partial<Pick<Draft, 'hint' | 'nothingDone'>>;

/** A row of the catalogue with what depends on the call: a detail where the row has none, and of headers and
 *  members only those that the row announces. */
function problem<Code extends ProblemCode>(
  code: Code,
  ...[details]: Row<Code> extends { detail: string } ? [Details<Code>?] : [Details<Code>]
): Draft {
  const { status, title, hint, detail = '', nothingDone = {} }: ProblemRow = catalogue[code];
  return { code, status, title, hint, detail, nothingDone, ...(details as Partial<Draft> | undefined) };
}

/** The answer to a failed call. While a request for approval is filed in Intune, no answer says that nothing was done:
 *  completing the request there carries the act out. */
export function answerTo(failure: Failure, authorizationUri: AuthorizationUri): Answer {
  const { nothingDone, ...answer } = answerByReason(failure, authorizationUri);
  const { detail, hint } = answer;
  if (failure.filed === undefined)
    return { ...answer, detail: joined(detail, nothingDone.detail), hint: joined(nothingDone.hint, hint) };
  const filed = `This call carried nothing out. The request ${failure.filed} for its approval is still filed in Intune.`;
  return { ...answer, detail: joined(detail, filed) };
}

function joined(...sentences: (string | undefined)[]): string {
  return sentences.filter((sentence) => sentence !== undefined).join(' ');
}

/** The one place where a reason becomes HTTP. The compiler finds a reason that is missing here. */
function answerByReason(failure: Failure, authorizationUri: AuthorizationUri): Draft {
  const challenge = (tenantId: string | null, rest = '') => ({
    'www-authenticate': `Bearer realm="chromeos-connector-bff", authorization_uri="${authorizationUri(tenantId)}"${rest}`,
  });

  switch (failure.reason) {
    case 'request_invalid':
      return problem('request_invalid', {
        detail: failure.issues.map(({ field, message }) => `${field || 'The body'} ${message}.`).join(' '),
        extra: { errors: [...failure.issues] },
      });
    case 'request_malformed':
      return problem('request_malformed', { detail: failure.detail });
    case 'request_timeout':
      return problem('request_timeout');
    case 'headers_too_large':
      return problem('headers_too_large');
    case 'body_incomplete':
      return problem('body_incomplete');
    case 'body_not_json':
      return problem('body_not_json', { detail: failure.detail });
    case 'body_too_large':
      return problem('body_too_large', { detail: `A body may have ${failure.limit} bytes at most.` });
    case 'media_type_unsupported':
      return problem('media_type_unsupported', {
        detail: failure.detail,
        headers: { accept: 'application/json' },
      });
    case 'not_found':
      return problem('not_found');
    case 'method_not_allowed':
      return problem('method_not_allowed', {
        detail: `This resource takes ${failure.allowed.join(', ')}.`,
        headers: { allow: failure.allowed.join(', ') },
      });
    case 'precondition_required':
      return problem('precondition_required', {
        detail: `The header ${failure.header} is required here, with the ETag of the ${failure.resource} that was looked at.`,
      });
    case 'idempotency_key_required':
      return problem('idempotency_key_required');
    case 'idempotency_key_reused':
      return problem('idempotency_key_reused');
    case 'idempotency_key_in_use':
      return problem('idempotency_key_in_use', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'token_missing':
      return problem('token_missing', { headers: challenge(null) });
    case 'token_invalid':
    case 'assertion_rejected':
      return problem('invalid_token', {
        headers: challenge(failure.tenantId, ', error="invalid_token"'),
      });
    case 'insufficient_scope':
      return problem('insufficient_scope', {
        headers: challenge(failure.tenantId, ', error="insufficient_scope"'),
      });
    case 'portal_not_allowed':
      return problem('portal_not_allowed', { headers: challenge(failure.tenantId) });
    case 'guest_not_allowed':
      return problem('guest_not_allowed', { headers: challenge(failure.tenantId) });
    case 'role_missing':
      return problem('role_missing', {
        detail: `This needs one of the app roles ${failure.roles.join(', ')}.`,
        headers: challenge(failure.tenantId),
      });
    case 'signing_keys_unavailable':
      return problem('signing_keys_unavailable', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'claims_required': {
      const claims = Buffer.from(failure.claims, 'utf8').toString('base64');
      return problem('insufficient_claims', {
        headers: challenge(failure.tenantId, `, error="insufficient_claims", claims="${claims}"`),
      });
    }
    case 'consent_required':
      return problem('consent_required', { extra: { consentUrl: failure.consentUrl } });
    case 'tenant_setup_required':
      return problem('tenant_setup_required', {
        detail: `${whatIsMissing[failure.missing]}${codeIn(failure.entraCode)}.`,
      });
    case 'access_blocked':
      return problem('access_blocked', {
        detail: `Entra ID refuses access for this user, device or place${codeIn(failure.entraCode)}.`,
      });
    case 'exchange_refused':
      return problem('exchange_refused', {
        detail: `The on-behalf-of exchange was refused${codeIn(failure.entraCode)}.`,
      });
    case 'exchange_misconfigured':
      return problem('exchange_misconfigured', {
        detail: `Entra ID does not take the request of this service${codeIn(failure.entraCode)}.`,
      });
    case 'credential_rejected':
      return problem('credential_rejected');
    case 'identity_throttled':
      return problem('identity_throttled', { headers: retryAfterHeader(failure.retryAfterMs ?? 10_000) });
    case 'identity_unavailable':
      return problem('identity_unavailable', { headers: retryAfterHeader(failure.retryAfterMs ?? 5000) });
    case 'graph_token_rejected':
      return problem('graph_token_rejected', {
        headers: challenge(failure.tenantId, ', error="invalid_token"'),
      });
    case 'graph_forbidden':
      return problem('graph_forbidden');
    case 'graph_not_found':
      return problem('graph_not_found');
    case 'graph_conflict':
      return problem('graph_conflict');
    case 'graph_rejected':
      return problem('graph_rejected', {
        detail: `Microsoft Graph answered ${failure.graph.status}.`,
      });
    case 'graph_throttled':
      return problem('graph_throttled', { headers: retryAfterHeader(failure.retryAfterMs) });
    case 'graph_unavailable':
      return problem('graph_unavailable', { headers: retryAfterHeader(failure.retryAfterMs) });
    case 'outcome_unknown':
      // Not 503 or 504: Graph's client libraries retry a POST on those, and must not here.
      return problem('outcome_unknown', { ...aboutOperation(failure.operationId) });
    case 'intune_approval_required':
      return problem('intune_approval_required');
    case 'intune_approval_pending':
      return problem('intune_approval_pending');
    case 'intune_approval_filed':
      return problem('intune_approval_filed', { ...aboutOperation(failure.operationId) });
    case 'decided_in_intune': {
      const { headers, extra } = aboutOperation(failure.operationId);
      const { approvalCode } = failure;
      return problem('decided_in_intune', {
        ...(headers && { headers }),
        extra: { ...extra, ...(approvalCode !== null && { approvalCode }) },
      });
    }
    case 'not_connected':
      return problem('not_connected');
    case 'connection_changed':
      return problem('connection_changed');
    case 'operation_in_progress':
      return problem('operation_in_progress', { ...aboutOperation(failure.operationId) });
    case 'operation_not_allowed':
      return problem('operation_not_allowed', {
        detail: `The operation's status is ${failure.status}. This call changed nothing.`,
        ...aboutOperation(failure.operationId),
      });
    case 'operation_changed':
      return problem('operation_changed', {
        detail: `The operation is not what it was when it was last looked at: its status is ${failure.status}. This call changed nothing.`,
        ...aboutOperation(failure.operationId),
      });
    case 'operation_not_found':
      return problem('operation_not_found');
    case 'own_approval':
      return problem('own_approval');
    case 'not_the_requester':
      return problem('not_the_requester');
    case 'disconnect_disabled':
      return problem('disconnect_disabled', {
        detail: `The operators of this service switched disconnecting off: ${failure.because}`,
      });
    case 'caller_gone':
      return problem('caller_gone');
    case 'not_sent_in_time':
      return problem('not_sent_in_time', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'rate_limited':
      return problem('rate_limited', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'overloaded':
      return problem('overloaded', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'audit_unavailable':
      return problem('audit_unavailable', {
        headers: { 'retry-after': '5' },
        ...(failure.recorded === 'unknown' && recordUnknown),
      });
    case 'history_lost':
      return problem('history_lost', { headers: { 'retry-after': '300' } });
    case 'internal':
      return problem('internal_error');
  }
}

/** Whatever the call was: a read, an attempt that was then not sent, a decision. */
const recordUnknown = {
  detail:
    'The database did not confirm in time that this call is on record, so nothing was sent to Microsoft. The record may appear all the same; an attempt then ends as not sent.',
  hint: 'Wait, then read the connection or the operation again before you repeat the call.',
  nothingDone: {},
};

/** What an administrator of the tenant has to do. */
const whatIsMissing = {
  licence: 'The tenant has no subscription or licence for a service this needs, such as Microsoft Intune',
  enabled_application: 'This application is disabled in the tenant',
  unknown: 'This application may not act for users of the tenant',
} as const;

/** A failure's code and texts, as in a problem. For use inside another answer: a problem's headers
 *  are left out. */
export function explained(failure: Failure): Pick<Answer, 'code' | 'title' | 'detail' | 'hint'> {
  const { code, title, detail, hint, extra } = answerTo(failure, () => '');
  return { code, title, detail, hint, ...extra };
}

function codeIn(entraCode: number | null): string {
  return entraCode === null ? '' : ` (AADSTS${entraCode})`;
}

/** Where the operation a failure is about can be read. */
function aboutOperation(operationId: string | null): Pick<Answer, 'headers' | 'extra'> {
  if (operationId === null) return {};
  const operation = operationPath(operationId);
  return { headers: { location: operation }, extra: { operationId, operation } };
}

/** The address of an operation. */
export function operationPath(operationId: string): string {
  return `${apiPath}/operations/${operationId}`;
}

/** In whole seconds (RFC 9110 10.2.3), and not at once, whatever the other side asked for. */
function retryAfterHeader(askedMs: number | null): Record<string, string> {
  return askedMs === null ? {} : { 'retry-after': String(Math.max(1, Math.ceil(askedMs / 1000))) };
}
