import { nothingDone, type ProblemRow } from '../problem-row.ts';

/** The caller is not known, or has to give more proof. */
export const signInProblems = {
  token_missing: {
    status: 401,
    title: 'An access token is required',
    detail: 'The request has no Authorization header.',
    hint: 'Sign in and send the access token as a bearer token.',
    headers: ['www-authenticate'],
  },
  invalid_token: {
    status: 401,
    title: 'The access token is not accepted',
    detail: 'The access token is expired, revoked, not meant for this API, or otherwise not valid.',
    hint: 'Sign in again and call with a fresh token.',
    headers: ['www-authenticate'],
  },
  insufficient_claims: {
    status: 401,
    title: 'The sign-in needs more proof',
    detail: 'A policy of the tenant asks for more than this sign-in proves.',
    hint: 'Acquire a token with the claims in the WWW-Authenticate header, then call again.',
    headers: ['www-authenticate'],
  },
  graph_token_rejected: {
    status: 401,
    title: 'Microsoft Graph does not accept the sign-in',
    detail: 'Microsoft Graph refused the token that was exchanged for the user.',
    hint: 'Sign in again and repeat the call.',
    nothingDone: { detail: nothingDone },
    headers: ['www-authenticate', 'request-id'],
  },
  signing_keys_unavailable: {
    status: 503,
    title: 'Sign-ins cannot be checked at the moment',
    detail: "Entra ID's signing keys could not be loaded, so no token can be verified.",
    hint: 'Try again later.',
    nothingDone: { hint: nothingDone },
    headers: ['retry-after'],
  },
} as const satisfies Record<string, ProblemRow>;
