import { consentUrl } from '../problem-members.ts';
import { nothingDone, type ProblemRow } from '../problem-row.ts';

/** The caller is known, and may not. */
export const permissionProblems = {
  insufficient_scope: {
    status: 403,
    title: 'The access token lacks the delegated scope',
    detail: 'Only tokens of signed-in people that carry the scope of this API are accepted.',
    hint: "Ask for a delegated token with this API's scope; app-only tokens and those of agents cannot call.",
    headers: ['www-authenticate'],
  },
  portal_not_allowed: {
    status: 403,
    title: 'The calling application is not allowed',
    detail: 'The application the token was issued to is not on the list of portals that may call.',
    hint: 'Ask the operators of this service to add its client id.',
    headers: ['www-authenticate'],
  },
  guest_not_allowed: {
    status: 403,
    title: 'Guests may not call',
    detail: 'The signed-in account is a guest in this tenant.',
    hint: 'Use an account of the tenant itself.',
    headers: ['www-authenticate'],
  },
  role_missing: {
    status: 403,
    title: 'The signed-in user lacks the role for this',
    hint: 'Ask an administrator of the tenant to assign one, then sign in again.',
    headers: ['www-authenticate'],
  },
  consent_required: {
    status: 403,
    title: 'The tenant has not consented',
    detail: 'This service has no consent to manage device configuration on behalf of users of this tenant.',
    hint: 'Have an administrator open the consentUrl and grant it.',
    members: { consentUrl },
  },
  tenant_setup_required: {
    status: 403,
    title: 'The tenant is not set up for this service',
    hint: 'An administrator of the tenant checks its licences, and that this application is enabled under Enterprise applications.',
    nothingDone: { detail: nothingDone },
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
  graph_forbidden: {
    status: 403,
    title: 'Intune does not allow this user to do it',
    detail: 'Microsoft Graph refused the call for lack of rights.',
    hint: 'The user needs an Intune licence and an Intune role that may do this; the tenant may also demand multi admin approval.',
    nothingDone: { detail: nothingDone },
    headers: ['request-id'],
  },
  own_approval: {
    status: 403,
    title: 'You cannot approve or reject your own request',
    detail: 'A person other than the requester must approve or reject an operation.',
    hint: 'Ask someone else with the role.',
  },
  not_the_requester: {
    status: 403,
    title: 'Only the requester can execute it',
    detail: 'An approved operation is executed by the person who asked for it.',
    hint: 'Ask that person to execute it, or begin a new one.',
    nothingDone: { detail: nothingDone },
  },
  disconnect_disabled: {
    status: 403,
    title: 'Disconnecting is switched off',
    hint: 'Ask them when it will be on again.',
  },
} as const satisfies Record<string, ProblemRow>;
