import type { Request, Response } from 'express';
import { type Failure, graphTraceOf } from '../core/failure.ts';
import { contextOf } from './request-context.ts';

/** What a failure means in HTTP. */
type Answer = {
  readonly status: number;
  readonly code: string;
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

/** Answers a failed call: problem details (RFC 9457) that are at once an error as Microsoft Graph
 *  shapes it, so that both kinds of client can read them. */
export function sendProblem(
  request: Request,
  response: Response,
  failure: Failure,
  authorizationUri: AuthorizationUri,
): void {
  const { requestId } = contextOf(response);
  const answer = answerTo(failure, authorizationUri);
  const graph = graphTraceOf(failure);
  if (graph !== null && graph.requestId !== null) response.setHeader('request-id', graph.requestId);
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);

  const body = {
    type: `/docs/errors#${answer.code}`,
    title: answer.title,
    status: answer.status,
    detail: answer.detail,
    instance: `urn:uuid:${requestId}`,
    code: answer.code,
    requestId,
    hint: answer.hint,
    ...answer.extra,
    error: {
      code: answer.code,
      message: `${answer.detail} ${answer.hint}`,
      innerError: {
        'request-id': graph?.requestId ?? requestId,
        'client-request-id': requestId,
        date: new Date().toISOString(),
      },
    },
  };
  response.status(answer.status);
  response.setHeader(
    'content-type',
    wantsPlainJson(request) ? 'application/json' : 'application/problem+json',
  );
  response.end(JSON.stringify(body));
}

// Microsoft's Graph client reads an error only when it is labelled application/json.
function wantsPlainJson(request: Request): boolean {
  if (request.get('sdkversion')?.toLowerCase().startsWith('graph-')) return true;
  const accept = (request.get('accept') ?? '').toLowerCase();
  return accept.includes('application/json') && !accept.includes('application/problem+json');
}

function answerTo(failure: Failure, authorizationUri: AuthorizationUri): Answer {
  const challenge = (tenantId: string | null, rest = '') => ({
    'www-authenticate': `Bearer realm="chromeos-connector-bff", authorization_uri="${authorizationUri(tenantId)}"${rest}`,
  });
  const invalidToken = (tenantId: string | null): Answer => ({
    status: 401,
    code: 'invalid_token',
    title: 'The access token is not accepted',
    detail: 'The access token is expired, revoked, not meant for this API, or otherwise not valid.',
    hint: 'Sign in again and call with a fresh token.',
    headers: challenge(tenantId, ', error="invalid_token"'),
  });
  const waitAndRetry = 'Nothing was done. Try again later.';

  switch (failure.reason) {
    case 'request_invalid':
      return {
        status: 400,
        code: 'request_invalid',
        title: 'The request is not valid',
        detail: failure.complaints
          .map(({ field, message }) => `${field || 'The body'} ${message}.`)
          .join(' '),
        hint: 'Correct the fields named and send it again.',
        extra: { errors: failure.complaints },
      };
    case 'body_not_json':
      return {
        status: 400,
        code: 'body_not_json',
        title: 'The body can not be read',
        detail: failure.complaint,
        hint: 'Send a JSON object, or no body at all.',
      };
    case 'body_too_large':
      return {
        status: 413,
        code: 'body_too_large',
        title: 'The body is too large',
        detail: `A body may have ${failure.limit} bytes at most.`,
        hint: 'Shorten it.',
      };
    case 'media_type_unsupported':
      return {
        status: 415,
        code: 'media_type_unsupported',
        title: 'The body has a type this API does not take',
        detail: failure.complaint,
        hint: 'Send application/json, or no body at all.',
        headers: { accept: 'application/json' },
      };
    case 'not_found':
      return {
        status: 404,
        code: 'not_found',
        title: 'There is nothing at this address',
        detail: 'This API has no such resource.',
        hint: 'Check the path; the README lists them all.',
      };
    case 'method_not_allowed':
      return {
        status: 405,
        code: 'method_not_allowed',
        title: 'The resource does not take this method',
        detail: `This resource takes ${failure.allowed.join(', ')}.`,
        hint: 'Use one of the methods in the Allow header.',
        headers: { allow: failure.allowed.join(', ') },
      };
    case 'token_missing':
      return {
        status: 401,
        code: 'token_missing',
        title: 'An access token is required',
        detail: 'The request has no Authorization header.',
        hint: 'Sign in and send the access token as a bearer token.',
        headers: challenge(null),
      };
    case 'token_invalid':
      return invalidToken(failure.tenantId);
    case 'assertion_rejected':
      return invalidToken(failure.tenantId);
    case 'insufficient_scope':
      return {
        status: 403,
        code: 'insufficient_scope',
        title: 'The access token lacks the delegated scope',
        detail: 'Only tokens of signed-in users that carry the scope of this API are accepted.',
        hint: "Ask for a delegated token with this API's scope; app-only tokens can not call.",
        headers: challenge(failure.tenantId, ', error="insufficient_scope"'),
      };
    case 'portal_not_allowed':
      return {
        status: 403,
        code: 'portal_not_allowed',
        title: 'The calling application is not allowed',
        detail: 'The application the token was issued to is not on the list of portals that may call.',
        hint: 'Ask the operators of this service to add its client id.',
        headers: challenge(null),
      };
    case 'guest_not_allowed':
      return {
        status: 403,
        code: 'guest_not_allowed',
        title: 'Guests may not call',
        detail: 'The signed-in account is a guest in this tenant.',
        hint: 'Use an account of the tenant itself.',
        headers: challenge(null),
      };
    case 'role_missing':
      return {
        status: 403,
        code: 'role_missing',
        title: 'The signed-in user lacks the role for this',
        detail: `This needs one of the app roles ${failure.roles.join(', ')}.`,
        hint: 'Ask an administrator of the tenant to assign one, then sign in again.',
        headers: challenge(null),
      };
    case 'signing_keys_unavailable':
      return {
        status: 503,
        code: 'signing_keys_unavailable',
        title: 'Sign-ins can not be checked at the moment',
        detail: "Entra ID's signing keys are not to be had, so no token can be verified.",
        hint: waitAndRetry,
        headers: { 'retry-after': String(failure.retryAfter) },
      };
    case 'claims_required': {
      const claims = Buffer.from(failure.claims, 'utf8').toString('base64');
      return {
        status: 401,
        code: 'insufficient_claims',
        title: 'The sign-in needs more proof',
        detail: 'A policy of the tenant asks for more than this sign-in proves.',
        hint: 'Acquire a token with the claims in the WWW-Authenticate header, then call again.',
        headers: challenge(failure.tenantId, `, error="insufficient_claims", claims="${claims}"`),
      };
    }
    case 'consent_required':
      return {
        status: 403,
        code: 'consent_required',
        title: 'The tenant has not consented',
        detail:
          'This service has no consent to manage device configuration on behalf of users of this tenant.',
        hint: 'Have an administrator open the consentUrl and grant it.',
        extra: { consentUrl: failure.consentUrl },
      };
    case 'access_blocked':
      return {
        status: 403,
        code: 'access_blocked',
        title: 'A policy of the tenant blocks this sign-in',
        detail: `Entra ID refuses access for this user, device or place (AADSTS${failure.entraCode}).`,
        hint: 'Use a device, place or account that the policy admits, or ask the administrator of the tenant.',
      };
    case 'exchange_refused':
      return {
        status: 403,
        code: 'exchange_refused',
        title: 'Entra ID refuses to let this service act for the user',
        detail: `The on-behalf-of exchange was refused${failure.entraCode === null ? '' : ` (AADSTS${failure.entraCode})`}.`,
        hint: 'Give the request id to the operators of this service.',
      };
    case 'credential_rejected':
      return {
        status: 500,
        code: 'credential_rejected',
        title: 'This service can not authenticate itself',
        detail: "Entra ID does not accept this service's own credential. Nothing was done.",
        hint: 'This is not about you. Give the request id to the operators of this service.',
      };
    case 'identity_throttled':
      return {
        status: 503,
        code: 'identity_throttled',
        title: 'Entra ID asks to slow down',
        detail: 'Entra ID throttles token requests.',
        hint: waitAndRetry,
        headers: { 'retry-after': failure.retryAfter ?? '10' },
      };
    case 'identity_unavailable':
      return {
        status: 503,
        code: 'identity_unavailable',
        title: 'Entra ID can not be reached',
        detail: 'No token could be had on behalf of the user.',
        hint: waitAndRetry,
        headers: { 'retry-after': failure.retryAfter ?? '5' },
      };
    case 'graph_token_rejected':
      return {
        status: 401,
        code: 'graph_token_rejected',
        title: 'Microsoft Graph does not accept the sign-in',
        detail: 'Microsoft Graph refused the token that was exchanged for the user. Nothing was done.',
        hint: 'Sign in again and repeat the call.',
        headers: challenge(failure.tenantId, ', error="invalid_token"'),
      };
    case 'graph_forbidden':
      return {
        status: 403,
        code: 'graph_forbidden',
        title: 'Intune does not allow this user to do it',
        detail: 'Microsoft Graph refused the call for lack of rights. Nothing was done.',
        hint: 'The user needs an Intune licence and an Intune role that may do this; the tenant may also demand multi admin approval.',
      };
    case 'graph_not_found':
      return {
        status: 409,
        code: 'graph_not_found',
        title: 'Intune has no such connection',
        detail: 'Microsoft Graph found nothing to act on. Nothing was done.',
        hint: 'Read the connection: it may be gone already.',
      };
    case 'graph_conflict':
      return {
        status: 409,
        code: 'graph_conflict',
        title: 'Intune is in a state that does not allow it',
        detail: 'Microsoft Graph refused the call as conflicting. Nothing was done.',
        hint: 'Read the connection and decide anew.',
      };
    case 'graph_rejected':
      return {
        status: 422,
        code: 'graph_rejected',
        title: 'Microsoft Graph rejects the call',
        detail: `Microsoft Graph answered ${failure.graph.status}. Nothing was done.`,
        hint: 'Give the request id to the operators of this service.',
      };
    case 'graph_throttled':
      return {
        status: 429,
        code: 'graph_throttled',
        title: 'Microsoft Graph asks to slow down',
        detail: 'Microsoft Graph throttles calls for this tenant. Nothing was done.',
        hint: 'Try again after the time in Retry-After.',
        headers: retryAfterHeader(failure.retryAfter),
      };
    case 'graph_unavailable':
      return {
        status: 503,
        code: 'graph_unavailable',
        title: 'Microsoft Graph can not be reached',
        detail: 'Microsoft Graph did not take the call.',
        hint: waitAndRetry,
        headers: retryAfterHeader(failure.retryAfter),
      };
    case 'outcome_unknown':
      return {
        // Not 503 or 504: stock Graph clients send a POST again on those, and must not here.
        status: 502,
        code: 'outcome_unknown',
        title: 'It is not known whether the connector was disconnected',
        detail:
          'The call reached Microsoft Graph, and no usable answer came back. It may have been carried out.',
        hint: 'Do not repeat it. Read the connection to see what happened.',
      };
    case 'audit_unavailable':
      return {
        status: 503,
        code: 'audit_unavailable',
        title: 'The call can not be put on record',
        detail: 'The audit trail can not be written, and without a record nothing is done. Nothing was done.',
        hint: waitAndRetry,
        headers: { 'retry-after': '5' },
      };
    case 'internal':
      return {
        status: 500,
        code: 'internal_error',
        title: 'Something went wrong in this service',
        detail: 'The call ended for a reason this service did not foresee.',
        hint: 'Give the request id to the operators of this service.',
      };
  }
}

function retryAfterHeader(value: string | null): Record<string, string> {
  return value === null ? {} : { 'retry-after': value };
}
