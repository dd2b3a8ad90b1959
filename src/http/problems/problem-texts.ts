/** What status a problem has, what it is called, what it means and what to do about it, by its code.
 *  Sentences that depend on the call are in `answers.ts`. docs/errors.md tells portals more. */

const waitAndRetry = 'Nothing was done. Try again later.';

export const texts = {
  invalid_token: {
    status: 401,
    title: 'The access token is not accepted',
    detail: 'The access token is expired, revoked, not meant for this API, or otherwise not valid.',
    hint: 'Sign in again and call with a fresh token.',
  },
  request_invalid: {
    status: 400,
    title: 'The request is not valid',
    hint: 'Correct the fields named and send it again.',
  },
  request_malformed: {
    status: 400,
    title: 'The request is malformed',
    hint: 'This is a defect of the calling program or of a proxy in between: report it with the request id.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long to arrive',
    detail: 'The request did not arrive whole in time. Nothing was done.',
    hint: 'Check the network, and send it again.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    detail: 'The request line and the headers have more than 16 KiB. Nothing was done.',
    hint: 'Send fewer or shorter headers.',
  },
  body_incomplete: {
    status: 400,
    title: 'The body did not arrive whole',
    detail: 'The connection ended, or failed, before the whole body had arrived. Nothing was done.',
    hint: 'Send the whole request again.',
  },
  body_not_json: {
    status: 400,
    title: 'The body can not be read',
    hint: 'Send a JSON object, or no body at all.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    hint: 'Shorten it.',
  },
  media_type_unsupported: {
    status: 415,
    title: 'The body has a type this API does not take',
    hint: 'Send application/json, or no body at all.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing at this address',
    detail: 'This API has no such resource.',
    hint: 'Check the path; the README lists them all.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The resource does not take this method',
    hint: 'Use one of the methods in the Allow header.',
  },
  precondition_required: {
    status: 428,
    title: 'The call must be conditional',
    hint: 'Read the connection and send its ETag in If-Match.',
  },
  idempotency_key_required: {
    status: 400,
    title: 'An idempotency key is required',
    detail: 'This tenant demands the header Idempotency-Key.',
    hint: 'Send a fresh key, such as a UUID, with each intent, and the same one with its repetitions.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'The idempotency key belongs to another request',
    detail: 'The same Idempotency-Key came with another request before. Nothing was done.',
    hint: 'Use a new key for a new intent.',
  },
  idempotency_key_in_use: {
    status: 409,
    title: 'The first call with this key is still running',
    detail: 'A call with the same Idempotency-Key has not ended yet.',
    hint: 'Repeat this call after the time in Retry-After to hear its answer.',
  },
  token_missing: {
    status: 401,
    title: 'An access token is required',
    detail: 'The request has no Authorization header.',
    hint: 'Sign in and send the access token as a bearer token.',
  },
  insufficient_scope: {
    status: 403,
    title: 'The access token lacks the delegated scope',
    detail: 'Only tokens of signed-in users that carry the scope of this API are accepted.',
    hint: "Ask for a delegated token with this API's scope; app-only tokens can not call.",
  },
  portal_not_allowed: {
    status: 403,
    title: 'The calling application is not allowed',
    detail: 'The application the token was issued to is not on the list of portals that may call.',
    hint: 'Ask the operators of this service to add its client id.',
  },
  guest_not_allowed: {
    status: 403,
    title: 'Guests may not call',
    detail: 'The signed-in account is a guest in this tenant.',
    hint: 'Use an account of the tenant itself.',
  },
  role_missing: {
    status: 403,
    title: 'The signed-in user lacks the role for this',
    hint: 'Ask an administrator of the tenant to assign one, then sign in again.',
  },
  signing_keys_unavailable: {
    status: 503,
    title: 'Sign-ins can not be checked at the moment',
    detail: "Entra ID's signing keys are not to be had, so no token can be verified.",
    hint: waitAndRetry,
  },
  insufficient_claims: {
    status: 401,
    title: 'The sign-in needs more proof',
    detail: 'A policy of the tenant asks for more than this sign-in proves.',
    hint: 'Acquire a token with the claims in the WWW-Authenticate header, then call again.',
  },
  consent_required: {
    status: 403,
    title: 'The tenant has not consented',
    detail: 'This service has no consent to manage device configuration on behalf of users of this tenant.',
    hint: 'Have an administrator open the consentUrl and grant it.',
  },
  tenant_setup_required: {
    status: 403,
    title: 'The tenant is not set up for this service',
    hint: 'An administrator of the tenant checks its licences, and that this application is enabled under Enterprise applications.',
  },
  access_blocked: {
    status: 403,
    title: 'A policy of the tenant blocks this sign-in',
    hint: 'Use a device, place or account that the policy admits, or ask the administrator of the tenant.',
  },
  exchange_refused: {
    status: 403,
    title: 'Entra ID refuses to let this service act for the user',
    hint: 'Give the request id to the operators of this service.',
  },
  exchange_misconfigured: {
    status: 500,
    title: 'This service is set up wrongly at Entra ID',
    hint: 'This is not about you. Give the request id to the operators of this service.',
  },
  credential_rejected: {
    status: 500,
    title: 'This service can not authenticate itself',
    detail: "Entra ID does not accept this service's own credential. Nothing was done.",
    hint: 'This is not about you. Give the request id to the operators of this service.',
  },
  identity_throttled: {
    status: 503,
    title: 'Entra ID asks to slow down',
    detail: 'Entra ID throttles token requests.',
    hint: waitAndRetry,
  },
  identity_unavailable: {
    status: 503,
    title: 'Entra ID can not be reached',
    detail: 'No token could be had on behalf of the user.',
    hint: waitAndRetry,
  },
  graph_token_rejected: {
    status: 401,
    title: 'Microsoft Graph does not accept the sign-in',
    detail: 'Microsoft Graph refused the token that was exchanged for the user. Nothing was done.',
    hint: 'Sign in again and repeat the call.',
  },
  graph_forbidden: {
    status: 403,
    title: 'Intune does not allow this user to do it',
    detail: 'Microsoft Graph refused the call for lack of rights. Nothing was done.',
    hint: 'The user needs an Intune licence and an Intune role that may do this; the tenant may also demand multi admin approval.',
  },
  graph_not_found: {
    status: 409,
    title: 'Intune has no such connection',
    detail: 'Microsoft Graph found nothing to act on. Nothing was done.',
    hint: 'Read the connection: it may be gone already.',
  },
  graph_conflict: {
    status: 409,
    title: 'Intune is in a state that does not allow it',
    detail: 'Microsoft Graph refused the call as conflicting. Nothing was done.',
    hint: 'Read the connection and decide anew.',
  },
  graph_rejected: {
    status: 422,
    title: 'Microsoft Graph rejects the call',
    hint: 'Give the request id to the operators of this service.',
  },
  graph_throttled: {
    status: 429,
    title: 'Microsoft Graph asks to slow down',
    detail: 'Microsoft Graph throttles calls for this tenant. Nothing was done.',
    hint: 'Try again after the time in Retry-After.',
  },
  graph_unavailable: {
    status: 503,
    title: 'Microsoft Graph can not be reached',
    detail: 'Microsoft Graph did not take the call.',
    hint: waitAndRetry,
  },
  outcome_unknown: {
    status: 502,
    title: 'It is not known whether the connector was disconnected',
    detail: 'The call reached Microsoft Graph, and no usable answer came back. It may have been carried out.',
    hint: 'Do not repeat it. Read the operation or the connection to see what happened.',
  },
  intune_approval_required: {
    status: 403,
    title: 'Intune demands an approval of its own',
    detail:
      'An access policy of the tenant (Multi Admin Approval) protects this in Intune, and this service cannot file the request for approval. Nothing was done.',
    hint: 'Disconnect in the Intune admin center, where the request can be filed, or ask an Intune administrator to take this out of the access policy.',
  },
  intune_approval_pending: {
    status: 409,
    title: 'A request for this is waiting in Intune',
    detail:
      'A request for approval (Multi Admin Approval) for the same is waiting in Intune. This call did nothing; whoever completes that request carries it out.',
    hint: 'See the request in the Intune admin center, under Tenant administration, Multi Admin Approval: complete it there, or have it cancelled before you ask again.',
  },
  intune_approval_filed: {
    status: 502,
    title: 'Intune filed a request for approval',
    detail:
      'The tenant demands an approval in Intune (Multi Admin Approval), and Intune filed a request for it. The connector is not disconnected yet; whoever completes the request in Intune disconnects it.',
    hint: 'Do not repeat the call. See the request in the Intune admin center, under Tenant administration, Multi Admin Approval, by its approval code: have it approved and completed there, or cancelled.',
  },
  not_connected: {
    status: 409,
    title: 'There is nothing to disconnect',
    detail: 'The tenant has no ChromeOS connection. Nothing was done.',
    hint: 'Read the connection again.',
  },
  connection_changed: {
    status: 412,
    title: 'The connection has changed',
    detail: 'The connection is not what it was when it was last looked at. Nothing was done.',
    hint: 'Read it again, decide anew, and send its new ETag.',
  },
  operation_in_progress: {
    status: 409,
    title: 'Another disconnect is under way',
    detail: 'The tenant has an operation that has not ended. Nothing was done.',
    hint: 'Watch that operation. If its outcome stays unknown, a new call can take over from it with supersedes.',
  },
  operation_not_allowed: {
    status: 409,
    title: 'The operation does not allow this now',
    hint: 'Read the operation.',
  },
  operation_not_found: {
    status: 404,
    title: 'There is no such operation',
    detail: 'The tenant has no operation with this id.',
    hint: 'Check the id; GET /api/v1/operations lists them.',
  },
  own_approval: {
    status: 403,
    title: 'Nobody decides about their own wish',
    detail: 'An operation is approved or rejected by another person than the one who asked for it.',
    hint: 'Ask someone else with the role.',
  },
  not_the_requester: {
    status: 403,
    title: 'Only the requester can execute it',
    detail: 'An approved operation is executed by the person who asked for it. Nothing was done.',
    hint: 'Ask that person to execute it, or begin a new one.',
  },
  disconnect_disabled: {
    status: 403,
    title: 'Disconnecting is switched off',
    hint: 'Ask them when it will be on again.',
  },
  caller_gone: {
    status: 400,
    title: 'The caller went away',
    detail: 'The connection ended before anything was on record. Nothing was done.',
    hint: 'Send the request again.',
  },
  not_sent_in_time: {
    status: 503,
    title: 'There was not enough time to send it',
    detail: 'Too little time was left to send the request and learn how it ends. Nothing was sent.',
    hint: 'Try again after the time in Retry-After.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many calls',
    detail: 'There were more calls within a minute than this service allows. Nothing was done.',
    hint: 'Try again after the time in Retry-After.',
  },
  overloaded: {
    status: 503,
    title: 'This service is busy',
    detail: 'There are more calls at once than this service takes. Nothing was done.',
    hint: 'Try again after the time in Retry-After.',
  },
  audit_unavailable: {
    status: 503,
    title: 'The call can not be put on record',
    detail: 'The audit trail can not be written, and without a record nothing is done. Nothing was done.',
    hint: waitAndRetry,
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong in this service',
    detail: 'The call ended for a reason this service did not foresee.',
    hint: 'Give the request id to the operators of this service.',
  },
} as const;

/** The closed list of what can go wrong, as portals hear it. */
export type ProblemCode = keyof typeof texts;
