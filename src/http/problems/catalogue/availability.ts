import type { ProblemRow } from '../problem-row.ts';
import { waitAndRetry } from '../problem-row.ts';

/** Too much, too slow, or out of order: here, at Entra ID or at Microsoft Graph. */
export const availabilityProblems = {
  rate_limited: {
    status: 429,
    title: 'Too many calls',
    detail: 'There were more calls within a minute than this service allows. Nothing was done.',
    hint: 'Try again after the time in Retry-After.',
    headers: ['retry-after'],
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
    headers: ['retry-after'],
  },
  overloaded: {
    status: 503,
    title: 'This service is busy',
    detail: 'There are more calls at once than this service takes. Nothing was done.',
    hint: 'Try again after the time in Retry-After.',
    headers: ['retry-after'],
  },
  graph_throttled: {
    status: 429,
    title: 'Microsoft Graph asks to slow down',
    detail: 'Microsoft Graph throttles calls for this tenant. Nothing was done.',
    hint: 'Try again after the time in Retry-After.',
    headers: ['retry-after', 'request-id'],
  },
  graph_unavailable: {
    status: 503,
    title: 'Microsoft Graph cannot be reached',
    detail: 'Microsoft Graph did not take the call.',
    hint: waitAndRetry,
    headers: ['retry-after', 'request-id'],
  },
  identity_throttled: {
    status: 503,
    title: 'Entra ID asks to slow down',
    detail: 'Entra ID throttles token requests.',
    hint: waitAndRetry,
    headers: ['retry-after'],
  },
  identity_unavailable: {
    status: 503,
    title: 'Entra ID cannot be reached',
    detail: 'The service could not obtain a token on behalf of the user.',
    hint: waitAndRetry,
    headers: ['retry-after'],
  },
  audit_unavailable: {
    status: 503,
    title: 'The call cannot be put on record',
    detail: 'The audit trail cannot be written, and without a record nothing is done. Nothing was done.',
    hint: waitAndRetry,
    headers: ['retry-after'],
  },
  history_lost: {
    status: 503,
    title: 'The record of this tenant is incomplete',
    detail:
      'The database has lost events that were on record, as after a restored backup. Until an operator has looked at it nothing is disconnected. Nothing was done.',
    hint: 'Tell the operators of this service: repeating the call does not help.',
    headers: ['retry-after'],
  },
  exchange_misconfigured: {
    status: 500,
    title: 'This service is set up wrongly at Entra ID',
    hint: 'This is not about you. Give the request id to the operators of this service.',
  },
  credential_rejected: {
    status: 500,
    title: 'This service cannot authenticate itself',
    detail: "Entra ID does not accept this service's own credential. Nothing was done.",
    hint: 'This is not about you. Give the request id to the operators of this service.',
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong in this service',
    detail: 'The call ended for a reason this service did not foresee.',
    hint: 'Give the request id to the operators of this service.',
  },
} as const satisfies Record<string, ProblemRow>;
