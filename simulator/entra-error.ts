import { randomUUID } from 'node:crypto';
import { jsonReply, type Reply } from './reply.ts';

type Shape = { error: string; status?: number; suberror?: string; text: string };

/** Entra's codes as it shapes them. Status is 400 where none is given. */
const shapes: Record<number, Shape> = {
  50011: {
    error: 'invalid_request',
    text: 'The redirect URI specified in the request does not match the redirect URIs configured for the application.',
  },
  50013: { error: 'invalid_grant', text: 'Assertion failed signature validation.' },
  50027: { error: 'invalid_request', text: 'JWT token is invalid or malformed.' },
  50057: { error: 'invalid_grant', text: 'The user account is disabled.' },
  50058: {
    error: 'login_required',
    text: 'A silent sign-in request was sent but no user is signed in.',
  },
  50076: {
    error: 'interaction_required',
    suberror: 'basic_action',
    text: 'Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.',
  },
  50079: {
    error: 'interaction_required',
    suberror: 'basic_action',
    text: 'Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource.',
  },
  50158: {
    error: 'interaction_required',
    suberror: 'basic_action',
    text: 'External security challenge not satisfied.',
  },
  50173: {
    error: 'invalid_grant',
    suberror: 'bad_token',
    text: 'The provided grant has expired due to it being revoked, a fresh auth token is needed.',
  },
  53000: {
    error: 'interaction_required',
    suberror: 'message_only',
    text: 'Device is not in required device state: compliant.',
  },
  53001: {
    error: 'interaction_required',
    suberror: 'message_only',
    text: 'Device is not in required device state: domain_joined.',
  },
  53002: {
    error: 'interaction_required',
    suberror: 'message_only',
    text: 'The app used is not an approved app for Conditional Access.',
  },
  53003: {
    error: 'interaction_required',
    suberror: 'message_only',
    text: 'Access has been blocked by Conditional Access policies.',
  },
  54005: {
    error: 'invalid_grant',
    text: 'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
  },
  65001: {
    error: 'invalid_grant',
    suberror: 'consent_required',
    text: 'The user or administrator has not consented to use the application.',
  },
  65004: { error: 'access_denied', text: 'User declined to consent to access the app.' },
  70003: { error: 'unsupported_grant_type', text: 'The app requested an unsupported grant type.' },
  70008: {
    error: 'invalid_grant',
    text: 'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
  },
  70011: { error: 'invalid_scope', text: "The provided value for the input parameter 'scope' is not valid." },
  90002: { error: 'invalid_tenant', text: 'Tenant not found.' },
  90014: { error: 'invalid_request', text: 'The required field is missing from the credential.' },
  90033: {
    error: 'temporarily_unavailable',
    status: 503,
    text: 'A transient error has occurred. Please try again.',
  },
  90055: { error: 'temporarily_unavailable', status: 429, text: 'Tenant throttled: too many requests.' },
  500112: {
    error: 'invalid_grant',
    text: 'The redirect address does not match the one given when the authorization code was requested.',
  },
  500131: {
    error: 'invalid_grant',
    text: 'Assertion audience does not match the Client app presenting the assertion.',
  },
  500133: { error: 'invalid_grant', text: 'Assertion is not within its valid time range.' },
  501481: {
    error: 'invalid_grant',
    text: 'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  },
  501491: { error: 'invalid_request', text: 'Invalid code_challenge or code_challenge_method.' },
  700005: {
    error: 'invalid_grant',
    text: 'Provided Authorization Code is intended to use against other tenant.',
  },
  700016: { error: 'unauthorized_client', text: 'Application was not found in the directory.' },
  700021: {
    error: 'invalid_client',
    status: 401,
    text: "Client assertion application identifier doesn't match 'client_id' parameter.",
  },
  700023: {
    error: 'invalid_client',
    status: 401,
    text: 'Client assertion audience claim does not match Realm issuer.',
  },
  700024: {
    error: 'invalid_client',
    status: 401,
    text: 'Client assertion is not within its valid time range.',
  },
  700027: {
    error: 'invalid_client',
    status: 401,
    text: 'The certificate used to sign the client assertion is not registered on application, or the signature is invalid.',
  },
  700054: {
    error: 'unsupported_response_type',
    text: 'This response_type is not enabled for the application.',
  },
  700082: {
    error: 'invalid_grant',
    suberror: 'bad_token',
    text: 'The refresh token has expired due to inactivity.',
  },
  700084: {
    error: 'invalid_grant',
    suberror: 'bad_token',
    text: 'The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime, which cannot be extended.',
  },
  700211: {
    error: 'invalid_client',
    status: 401,
    text: 'No matching federated identity record found for presented assertion issuer.',
  },
  700212: {
    error: 'invalid_client',
    status: 401,
    text: 'No matching federated identity record found for presented assertion audience.',
  },
  700213: {
    error: 'invalid_client',
    status: 401,
    text: 'No matching federated identity record found for presented assertion subject.',
  },
  7000114: {
    error: 'unauthorized_client',
    text: 'Application is not allowed to make application on-behalf-of calls.',
  },
  7000215: {
    error: 'invalid_client',
    status: 401,
    text: 'Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.',
  },
  7000218: {
    error: 'invalid_client',
    status: 401,
    text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  },
  7000222: { error: 'invalid_client', status: 401, text: 'The provided client secret keys are expired.' },
  9002313: { error: 'invalid_grant', text: 'Invalid request. Request is malformed or invalid.' },
  9002325: {
    error: 'invalid_request',
    text: 'Proof Key for Code Exchange is required for cross-origin authorization code redemption.',
  },
  9002326: {
    error: 'invalid_request',
    text: "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type.",
  },
  9002327: {
    error: 'invalid_request',
    text: "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.",
  },
};

const shapeOf = (code: number): Shape =>
  shapes[code] ?? { error: 'invalid_grant', text: 'The simulator has no text for this code.' };

export type EntraErrorOptions = {
  /** What exactly went wrong, after Entra's own sentence: for the developer who reads it. */
  detail?: string;
  error?: string;
  suberror?: string;
  claims?: string;
};

/** A refusal by Entra. */
export class EntraError extends Error {
  readonly code: number;
  readonly options: EntraErrorOptions;

  constructor(code: number, options: EntraErrorOptions = {}) {
    super(`AADSTS${code}`);
    this.code = code;
    this.options = options;
  }
}

export type Trace = { traceId: string; correlationId: string; now: number };

/** The trace ids of one answer; Entra takes the caller's `client-request-id` for the correlation. */
export function traceOf(headers: Record<string, string>, now: number): Trace {
  const given = headers['client-request-id'] ?? '';
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given);
  return { traceId: randomUUID(), correlationId: isUuid ? given : randomUUID(), now };
}

/** What Entra says of a code wherever it says it: in JSON, in the address it sends the browser back to,
 *  and on its own page. */
export function entraErrorTerms(error: EntraError, trace: Trace) {
  const { code, options } = error;
  const shape = shapeOf(code);
  const timestamp = new Date(trace.now)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
  const text = [shape.text, options.detail].filter(Boolean).join(' ');
  const suberror = options.suberror ?? shape.suberror;
  return {
    error: options.error ?? shape.error,
    error_description: `AADSTS${code}: ${text} Trace ID: ${trace.traceId} Correlation ID: ${trace.correlationId} Timestamp: ${timestamp}`,
    timestamp,
    ...(suberror === undefined ? {} : { suberror }),
  };
}

/** Entra's JSON for a code. */
export function entraErrorReply(error: EntraError, trace: Trace, url: string): Reply {
  const { code, options } = error;
  const { error: name, error_description, timestamp, suberror } = entraErrorTerms(error, trace);
  return jsonReply(
    shapeOf(code).status ?? 400,
    {
      error: name,
      error_description,
      error_codes: [code],
      timestamp,
      trace_id: trace.traceId,
      correlation_id: trace.correlationId,
      error_uri: `${url}/error?code=${code}`,
      ...(suberror === undefined ? {} : { suberror }),
      ...(options.claims === undefined ? {} : { claims: options.claims }),
    },
    entraHeaders(trace),
  );
}

export function entraHeaders(trace: Trace): Record<string, string> {
  return {
    'cache-control': 'no-store, no-cache',
    pragma: 'no-cache',
    'x-ms-request-id': trace.traceId,
    'x-ms-ests-server': '2.1.0 - simulator',
    'client-request-id': trace.correlationId,
  };
}
