import type { Failure } from '../../core/failure.ts';
import { apiPath } from '../api-path.ts';
import { type ProblemCode, texts } from './problem-texts.ts';

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

/** Where a tenant's people sign in; `null` is the home tenant. */
export type AuthorizationUri = (tenantId: string | null) => string;

function say(code: ProblemCode, rest: Partial<Answer> = {}): Answer {
  return { code, detail: '', ...texts[code], ...rest };
}

/** The one place where a reason becomes HTTP. The compiler finds a reason that is missing here. */
export function answerTo(failure: Failure, authorizationUri: AuthorizationUri): Answer {
  const challenge = (tenantId: string | null, rest = '') => ({
    'www-authenticate': `Bearer realm="chromeos-connector-bff", authorization_uri="${authorizationUri(tenantId)}"${rest}`,
  });
  const invalidToken = (tenantId: string | null) =>
    say('invalid_token', { headers: challenge(tenantId, ', error="invalid_token"') });

  switch (failure.reason) {
    case 'request_invalid':
      return say('request_invalid', {
        detail: failure.complaints
          .map(({ field, message }) => `${field || 'The body'} ${message}.`)
          .join(' '),
        extra: { errors: failure.complaints },
      });
    case 'request_malformed':
      return say('request_malformed', { detail: `${failure.complaint} Nothing was done.` });
    case 'request_timeout':
      return say('request_timeout');
    case 'headers_too_large':
      return say('headers_too_large');
    case 'body_incomplete':
      return say('body_incomplete');
    case 'body_not_json':
      return say('body_not_json', { detail: failure.complaint });
    case 'body_too_large':
      return say('body_too_large', { detail: `A body may have ${failure.limit} bytes at most.` });
    case 'media_type_unsupported':
      return say('media_type_unsupported', {
        detail: failure.complaint,
        headers: { accept: 'application/json' },
      });
    case 'not_found':
      return say('not_found');
    case 'method_not_allowed':
      return say('method_not_allowed', {
        detail: `This resource takes ${failure.allowed.join(', ')}.`,
        headers: { allow: failure.allowed.join(', ') },
      });
    case 'precondition_required':
      return say('precondition_required', {
        detail: `This tenant demands the header ${failure.header}.`,
      });
    case 'idempotency_key_required':
      return say('idempotency_key_required');
    case 'idempotency_key_reused':
      return say('idempotency_key_reused');
    case 'idempotency_key_in_use':
      return say('idempotency_key_in_use', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'token_missing':
      return say('token_missing', { headers: challenge(null) });
    case 'token_invalid':
      return invalidToken(failure.tenantId);
    case 'assertion_rejected':
      return invalidToken(failure.tenantId);
    case 'insufficient_scope':
      return say('insufficient_scope', {
        headers: challenge(failure.tenantId, ', error="insufficient_scope"'),
      });
    case 'portal_not_allowed':
      return say('portal_not_allowed', { headers: challenge(failure.tenantId) });
    case 'guest_not_allowed':
      return say('guest_not_allowed', { headers: challenge(failure.tenantId) });
    case 'role_missing':
      return say('role_missing', {
        detail: `This needs one of the app roles ${failure.roles.join(', ')}.`,
        headers: challenge(failure.tenantId),
      });
    case 'signing_keys_unavailable':
      return say('signing_keys_unavailable', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'claims_required': {
      const claims = Buffer.from(failure.claims, 'utf8').toString('base64');
      return say('insufficient_claims', {
        headers: challenge(failure.tenantId, `, error="insufficient_claims", claims="${claims}"`),
      });
    }
    case 'consent_required':
      return say('consent_required', { extra: { consentUrl: failure.consentUrl } });
    case 'tenant_setup_required':
      return say('tenant_setup_required', {
        detail: `${whatIsMissing[failure.missing]}${codeIn(failure.entraCode)}. Nothing was done.`,
      });
    case 'access_blocked':
      return say('access_blocked', {
        detail: `Entra ID refuses access for this user, device or place${codeIn(failure.entraCode)}.`,
      });
    case 'exchange_refused':
      return say('exchange_refused', {
        detail: `The on-behalf-of exchange was refused${codeIn(failure.entraCode)}.`,
      });
    case 'exchange_misconfigured':
      return say('exchange_misconfigured', {
        detail: `Entra ID does not take the request of this service${codeIn(failure.entraCode)}. Nothing was done.`,
      });
    case 'credential_rejected':
      return say('credential_rejected');
    case 'identity_throttled':
      return say('identity_throttled', { headers: retryAfterHeader(failure.retryAfterMs ?? 10_000) });
    case 'identity_unavailable':
      return say('identity_unavailable', { headers: retryAfterHeader(failure.retryAfterMs ?? 5000) });
    case 'graph_token_rejected':
      return say('graph_token_rejected', {
        headers: challenge(failure.tenantId, ', error="invalid_token"'),
      });
    case 'graph_forbidden':
      return say('graph_forbidden');
    case 'graph_not_found':
      return say('graph_not_found');
    case 'graph_conflict':
      return say('graph_conflict');
    case 'graph_rejected':
      return say('graph_rejected', {
        detail: `Microsoft Graph answered ${failure.graph.status}. Nothing was done.`,
      });
    case 'graph_throttled':
      return say('graph_throttled', { headers: retryAfterHeader(failure.retryAfterMs) });
    case 'graph_unavailable':
      return say('graph_unavailable', { headers: retryAfterHeader(failure.retryAfterMs) });
    case 'outcome_unknown':
      // Not 503 or 504: stock Graph clients send a POST again on those, and must not here.
      return say('outcome_unknown', { ...aboutOperation(failure.operationId) });
    case 'intune_approval_required':
      return say('intune_approval_required');
    case 'intune_approval_pending':
      return say('intune_approval_pending');
    case 'intune_approval_filed': {
      const { headers, extra } = aboutOperation(failure.operationId);
      const { approvalCode } = failure;
      return say('intune_approval_filed', {
        ...(headers && { headers }),
        extra: { ...extra, ...(approvalCode !== null && { approvalCode }) },
      });
    }
    case 'not_connected':
      return say('not_connected');
    case 'connection_changed':
      return say('connection_changed');
    case 'operation_in_progress':
      return say('operation_in_progress', { ...aboutOperation(failure.operationId) });
    case 'operation_not_allowed':
      return say('operation_not_allowed', {
        detail: `The operation stands at ${failure.status}. Nothing was done.`,
        ...aboutOperation(failure.operationId),
      });
    case 'operation_not_found':
      return say('operation_not_found');
    case 'own_approval':
      return say('own_approval');
    case 'not_the_requester':
      return say('not_the_requester');
    case 'disconnect_disabled':
      return say('disconnect_disabled', {
        detail: `The operators of this service switched disconnecting off: ${failure.because}`,
      });
    case 'caller_gone':
      return say('caller_gone');
    case 'not_sent_in_time':
      return say('not_sent_in_time', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'rate_limited':
      return say('rate_limited', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'overloaded':
      return say('overloaded', { headers: { 'retry-after': String(failure.retryAfter) } });
    case 'audit_unavailable':
      return say('audit_unavailable', { headers: { 'retry-after': '5' } });
    case 'internal':
      return say('internal_error');
  }
}

/** What an administrator of the tenant has to see to. */
const whatIsMissing = {
  licence: 'The tenant has no subscription or licence for a service this needs, such as Microsoft Intune',
  enabled_application: 'This application is disabled in the tenant',
  unknown: 'This application may not act for users of the tenant',
} as const;

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
