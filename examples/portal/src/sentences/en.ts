import type {
  AuditEvent,
  ChainStatus,
  DryRun,
  DryRunCheck,
  OperationStatus,
  ProblemCode,
  Profile,
} from '../api/types.ts';
import type { Outcome } from '../audit/buckets.ts';
import type { ProofFailed } from '../audit/proof.ts';
import type { Step } from '../operations/timeline.ts';
import type { Confirmation } from '../parts/confirmation.ts';

// Every sentence people read. Another language is another file of the type `Sentences`, and a line in
// sentences.ts; the compiler finds one that is missing.

const plural = new Intl.PluralRules('en');
const number = new Intl.NumberFormat('en');

function count(many: number, one: string, other: string): string {
  return `${number.format(many)} ${plural.select(many) === 'one' ? one : other}`;
}

export type Told = {
  readonly what: string;
  readonly next: string;
  /** It is certain that this call did nothing. It is said apart: an earlier one may have done something. */
  readonly nothingDone?: true;
};

const problems: Record<ProblemCode, Told> = {
  request_invalid: {
    what: 'Something in the form is not what the service takes.',
    next: 'Correct what is named below, and try again.',
  },
  request_malformed: {
    what: 'The service could not read what this portal, or a proxy in between, sent.',
    nothingDone: true,
    next: 'Reload the page and try again. If it stays, give the request id to the operators.',
  },
  request_timeout: {
    what: 'Your request took too long to arrive.',
    nothingDone: true,
    next: 'Check your network and try again.',
  },
  headers_too_large: {
    what: 'This portal sent more than the service takes.',
    nothingDone: true,
    next: 'Clear this site’s cookies, reload the page and try again. If it stays, tell the operators.',
  },
  body_incomplete: {
    what: 'Your request broke off on its way.',
    nothingDone: true,
    next: 'Check your network and try again.',
  },
  body_not_json: {
    what: 'The service could not read what this portal sent.',
    next: 'Reload the page and try again. If it stays, give the request id to the operators.',
  },
  body_too_large: { what: 'That was too long.', next: 'Shorten the text and try again.' },
  media_type_unsupported: {
    what: 'The service could not read what this portal sent.',
    next: 'Reload the page and try again. If it stays, give the request id to the operators.',
  },
  idempotency_key_required: {
    what: 'The service wants a key with this call, and this portal sent none.',
    next: 'Give the request id to the operators: it is a defect of this portal.',
  },
  token_missing: { what: 'You are not signed in.', next: 'Sign in and try again.' },
  invalid_token: {
    what: 'Your sign-in is not accepted any more.',
    nothingDone: true,
    next: 'Sign in again.',
  },
  insufficient_claims: {
    what: 'A policy of your tenant wants more proof that it is you.',
    nothingDone: true,
    next: 'Try again and follow the sign-in window to its end. If you cannot meet it, ask your administrator.',
  },
  graph_token_rejected: {
    what: 'Microsoft Graph does not accept your sign-in.',
    nothingDone: true,
    next: 'Sign out, sign in again, and repeat it.',
  },
  insufficient_scope: {
    what: 'This portal did not ask for the right permission.',
    next: 'Give the request id to the operators: the portal’s scope is set wrongly.',
  },
  portal_not_allowed: {
    what: 'The service does not take calls from this portal.',
    next: 'Ask the operators of the service to add this portal’s client id.',
  },
  guest_not_allowed: {
    what: 'You are a guest in this tenant, and guests may not do this.',
    next: 'Sign in with an account of the tenant itself.',
  },
  role_missing: {
    what: 'You do not have the role that this needs.',
    next: 'Ask an administrator of your tenant to assign it to you, then sign in again.',
  },
  consent_required: {
    what: 'Your tenant has not consented to this service yet.',
    next: 'Have an administrator of the tenant open the consent page and grant it.',
  },
  tenant_setup_required: {
    what: 'Your tenant is not set up for this service.',
    nothingDone: true,
    next: 'Ask an administrator of your tenant to check its Intune licences, and that this application is enabled.',
  },
  access_blocked: {
    what: 'A policy of your tenant blocks this sign-in: the device, the place or the account.',
    next: 'Try from a device that meets the policy, or ask your administrator.',
  },
  exchange_refused: {
    what: 'Entra ID does not let the service act for you.',
    next: 'Give the request id to the operators.',
  },
  graph_forbidden: {
    what: 'Intune does not let you do this.',
    nothingDone: true,
    next: 'You need an Intune licence and an Intune role that may do it. Your tenant may also demand Multi Admin Approval.',
  },
  own_approval: {
    what: 'You asked for this yourself, so you cannot decide about it.',
    next: 'Ask someone else with the approver’s role.',
  },
  not_the_requester: {
    what: 'Only the person who asked for it can carry it out.',
    nothingDone: true,
    next: 'Ask that person, or begin a new one.',
  },
  disconnect_disabled: {
    what: 'The operators have switched disconnecting off.',
    nothingDone: true,
    next: 'Ask them when it will be on again.',
  },
  not_found: {
    what: 'The service does not know this address.',
    next: 'Reload the page. If it stays, the portal and the service do not fit together: tell the operators.',
  },
  operation_not_found: {
    what: 'Your tenant has no such operation.',
    next: 'Look for it among the operations.',
  },
  method_not_allowed: {
    what: 'The service does not take this call.',
    next: 'Reload the page. If it stays, the portal and the service do not fit together: tell the operators.',
  },
  graph_not_found: {
    what: 'Intune found nothing to disconnect.',
    nothingDone: true,
    next: 'Look at the connection: it may be gone already.',
  },
  graph_conflict: {
    what: 'Intune is in a state that does not allow it.',
    nothingDone: true,
    next: 'Look at the connection and decide again.',
  },
  not_connected: {
    what: 'There is no connection to disconnect.',
    nothingDone: true,
    next: 'Look at the connection.',
  },
  operation_in_progress: {
    what: 'Another disconnect of your tenant has not come to its end.',
    nothingDone: true,
    next: 'Follow that one to its end. If nobody can tell how it ended, you can take over from it there.',
  },
  operation_not_allowed: {
    what: 'The operation does not stand where this is possible.',
    nothingDone: true,
    next: 'Look at where it stands now: someone may have been quicker.',
  },
  operation_changed: {
    what: 'The operation has changed since you looked at it.',
    nothingDone: true,
    next: 'Look at where it stands now, and decide again.',
  },
  idempotency_key_in_use: {
    what: 'The first try is still running.',
    next: 'Wait a moment and ask again: you will get its answer.',
  },
  connection_changed: {
    what: 'The connection has changed since you looked at it.',
    nothingDone: true,
    next: 'Look at it again and decide again.',
  },
  graph_rejected: {
    what: 'Microsoft Graph rejects the call.',
    nothingDone: true,
    next: 'Give the request id to the operators.',
  },
  idempotency_key_reused: {
    what: 'This request does not have a key of its own.',
    nothingDone: true,
    next: 'Reload the page and begin again.',
  },
  precondition_required: {
    what: 'The service wants to know what you looked at.',
    nothingDone: true,
    next: 'Look at it again and begin again.',
  },
  graph_throttled: {
    what: 'Microsoft Graph asks to slow down.',
    nothingDone: true,
    next: 'Try again after the time below.',
  },
  rate_limited: {
    what: 'There were too many calls within a minute.',
    nothingDone: true,
    next: 'Try again after the time below.',
  },
  exchange_misconfigured: {
    what: 'The service is set up wrongly at Entra ID.',
    nothingDone: true,
    next: 'This is not about you: give the request id to the operators.',
  },
  credential_rejected: {
    what: 'Entra ID does not accept the service itself.',
    nothingDone: true,
    next: 'This is not about you: give the request id to the operators.',
  },
  internal_error: {
    what: 'Something went wrong in the service that nobody foresaw.',
    next: 'Give the request id to the operators.',
  },
  outcome_unknown: {
    what: 'It is not known whether the connection was ended: no usable answer came back.',
    next: 'Do not repeat it. Watch the operation: it is settled as soon as Intune shows what happened.',
  },
  intune_approval_required: {
    what: 'Intune wants an approval of its own for this (Multi Admin Approval), and this service did not get it to ask for one.',
    nothingDone: true,
    next: 'Disconnect in the Intune admin center, where you can ask for the approval, or ask the operators whether this service may ask for it.',
  },
  intune_approval_pending: {
    what: 'A request for this is waiting for approval in Intune.',
    nothingDone: true,
    next: 'Find the request in the Intune admin center, under Multi Admin Approval: complete it there, or have it cancelled before you ask again.',
  },
  intune_approval_filed: {
    what: 'Intune filed a request for approval (Multi Admin Approval), and gave no code for it. The connection is not ended yet, and will be when someone completes that request in Intune.',
    next: 'Do not repeat it. Find the request in the Intune admin center, under Multi Admin Approval, and have it completed or cancelled there.',
  },
  decided_in_intune: {
    what: 'A request for the approval of this is filed in Intune (Multi Admin Approval). It is decided there, not here. This call changed nothing.',
    next: 'Find the request in the Intune admin center, under Multi Admin Approval, by its code. Once it is approved there, carry it out here. To take it back, cancel it there.',
  },
  signing_keys_unavailable: {
    what: 'Sign-ins cannot be checked at the moment.',
    nothingDone: true,
    next: 'Try again in a little while.',
  },
  identity_unavailable: {
    what: 'Entra ID cannot be reached.',
    nothingDone: true,
    next: 'Try again in a little while.',
  },
  identity_throttled: {
    what: 'Entra ID asks to slow down.',
    nothingDone: true,
    next: 'Try again in a little while.',
  },
  graph_unavailable: {
    what: 'Microsoft Graph cannot be reached.',
    nothingDone: true,
    next: 'Try again in a little while.',
  },
  audit_unavailable: {
    what: 'The record cannot be written.',
    nothingDone: true,
    next: 'Try again in a little while. If it stays, tell the operators.',
  },
  caller_gone: {
    what: 'The connection to this portal broke.',
    nothingDone: true,
    next: 'Check your network and try again.',
  },
  not_sent_in_time: {
    what: 'Microsoft’s services took too long to answer.',
    nothingDone: true,
    next: 'Try again in a moment.',
  },
  history_lost: {
    what: 'The record of this tenant is incomplete, so nothing can be disconnected.',
    nothingDone: true,
    next: 'Tell the operators: they must look at the record first.',
  },
  overloaded: {
    what: 'The service has too much to do at once.',
    nothingDone: true,
    next: 'Try again in a moment.',
  },
};

const operationStatuses: Record<OperationStatus, { readonly word: string; readonly sentence: string }> = {
  awaiting_approval: {
    word: 'Needs approval',
    sentence: 'A second person must approve it. Nothing was sent.',
  },
  approved: {
    word: 'Approved',
    sentence: 'The person who asked for it may now carry it out. Nothing was sent.',
  },
  awaiting_intune_approval: {
    word: 'Needs approval in Intune',
    sentence:
      'Intune filed a request for approval (Multi Admin Approval). Nothing is carried out yet. It will be when someone completes that request, here or in Intune.',
  },
  approved_in_intune: {
    word: 'Approved in Intune',
    sentence:
      'The request was approved in Intune. The person who asked for it may now carry it out here, or complete it in Intune.',
  },
  sent: { word: 'Sent', sentence: 'The request to Microsoft Graph is on its way.' },
  accepted: {
    word: 'Under way',
    sentence: 'Intune has taken it on. That is not its end: the connection is still to go.',
  },
  completed: { word: 'Disconnected', sentence: 'The connection is gone.' },
  failed: { word: 'Failed', sentence: 'It was not done, or Intune says that it failed.' },
  unknown: {
    word: 'Not known',
    sentence:
      'Nobody can tell yet whether it was carried out. It will not be sent again; it is settled as soon as Intune shows what happened.',
  },
  rejected: { word: 'Rejected', sentence: 'It was refused, and it was not carried out.' },
  expired: { word: 'Expired', sentence: 'Its time ran out, and it was not carried out.' },
  withdrawn: {
    word: 'Withdrawn',
    sentence: 'The person who asked for it took it back. It was not carried out.',
  },
};

const whatIsLost = 'all ChromeOS devices and the connector’s settings leave Intune, and it cannot be undone.';

const reasonForCheck: Record<
  'write_permission_not_verifiable' | 'not_reached' | 'intune_may_ask_for_approval' | 'intune_may_refuse',
  string
> = {
  write_permission_not_verifiable:
    'Only the disconnect itself shows whether Intune lets you: reading does not prove it.',
  not_reached: 'It could not be looked at, since the connection could not be read.',
  intune_may_ask_for_approval:
    'Intune says so only to the disconnect itself. If it does, your reason and ticket go there as the justification, and the disconnect waits for the approval.',
  intune_may_refuse: 'Intune says so only to the disconnect itself. If it does, nothing is done.',
};

export const en = {
  language: 'en',
  problems,
  portal: {
    name: 'ChromeOS connector',
    skip: 'Skip to the content',
    sections: 'Sections',
    loading: 'Loading …',
    notAdmitted: 'You cannot use this portal now',
    notFoundTitle: 'There is no such page',
    notFound: 'The address leads nowhere in this portal.',
    toStart: 'To the connection',
    pageTitle: (view: string) => `${view} · ChromeOS connector`,
    broken: 'This portal could not start',
    brokenBecause:
      'Its own settings could not be loaded. Try again in a little while, or tell the operators.',
    connection: 'Connection',
    operations: 'Operations',
    audit: 'Audit trail',
    you: 'You',
    tenant: 'Tenant',
    waitingCount: (many: number) => `${number.format(many)} waiting for you`,
  },
  failure: {
    tryAgain: 'Try again',
    signInAgain: 'Sign in again',
    requestId: 'Request id',
    copy: 'Copy',
    copied: 'Copied',
    copyRequestId: 'Copy the request id',
    waitFor: (seconds: number) => `Wait for ${count(seconds, 'second', 'seconds')} before you try again.`,
    openConsent: 'Open the consent page',
    openOperation: 'Look at that operation',
    inItsWords: (detail: string) => `The service says: “${detail}”`,
    field: (field: string, message: string) => `${field} ${message}.`,
    noAnswer: {
      what: 'The service cannot be reached.',
      next: 'Check your network and try again. If it stays, tell the operators.',
    } as Told,
    signInCancelled: {
      what: 'You cancelled the sign-in.',
      nothingDone: true,
      next: 'Sign in when you want to go on.',
    } as Told,
    signedInAgain: 'You are signed in again. You can go on.',
    defect: {
      what: 'Something went wrong in this portal.',
      next: 'Reload the page. If it stays, tell the operators.',
    } as Told,
    unknownCode: (title: string, hint: string): Told => ({ what: `${title}.`, next: hint }),
    nothingDone: 'Nothing was done.',
    laterTry: 'That is about the last try. An earlier one may have been carried out.',
  },
  signIn: {
    title: 'Disconnect Intune from ChromeOS management',
    lead: 'Once, on purpose, and on the record.',
    about:
      'An Intune tenant has one connection to Google’s ChromeOS management. Here you see how it stands, and the people who may end it do so: with their own rights, never twice, and with a record of who did what and why.',
    button: 'Sign in',
    window: 'Signing in opens a window of Entra ID. Nothing of your sign-in is stored in this browser.',
    waiting: 'Waiting for the sign-in window. It may be behind this one.',
    again: 'Open it again',
    blocked: 'The browser blocked the sign-in window. Allow windows for this site, then try again.',
    failed: 'Signing in did not work. Try again; if it stays, tell the operators.',
    cancelled: 'You cancelled. You can sign in whenever you want to.',
    otherPerson: 'That was another person. Go on as the one who is signed in here, or sign out first.',
  },
  proof: {
    title: 'Prove it is you',
    claims:
      'A policy of your tenant wants more proof for this. What you have typed is kept, and it goes on from where it is.',
    expired:
      'Your sign-in has ended. Sign in again, and it goes on from where it is. What you have typed is kept.',
    go: 'Go to the sign-in window',
    cancel: 'Cancel',
  },
  you: {
    title: 'You',
    signedInAs: 'Signed in as',
    unnamed: 'someone without a name in the token',
    tenant: 'Tenant',
    objectId: 'Object id',
    roles: 'App roles',
    noRoles: 'none',
    mayTitle: 'What you may do here',
    mayNothing:
      'Nothing yet: you have none of the app roles this service knows. Ask an administrator of your tenant to assign one, then sign in again.',
    permissions: {
      read_connection: 'See how the connection stands, and what became of each disconnect.',
      disconnect: 'Disconnect, and try it out before.',
      approve: 'Approve or reject what another person asked for.',
      read_audit: 'Read and export the audit trail of your tenant.',
    } satisfies Record<Profile['permissions'][number], string>,
    recorded: 'Whatever you do or look at here is on record under your name.',
    signOut: 'Sign out',
  },
  open: {
    label: 'An open disconnect',
    sending: 'A disconnect is being sent.',
    unsure: 'A disconnect was sent, and no certain answer came back. It may have been carried out.',
    refused: 'Your disconnect was refused.',
    operation: 'Your disconnect has an answer.',
    unsureHere:
      'A disconnect was sent from this page before it was loaded again, and no certain answer had come back. Sign in to see what became of it.',
    statuses: {
      awaiting_approval: 'A disconnect waits for an approval.',
      approved: 'A disconnect is approved and waits to be carried out.',
      sent: 'A disconnect is being sent to Intune.',
      awaiting_intune_approval: 'A disconnect waits for an approval in Intune.',
      approved_in_intune: 'A disconnect is approved in Intune and waits to be carried out.',
      accepted: 'A disconnect is under way.',
      unknown: 'It is not known whether a disconnect was carried out.',
    } as Readonly<Record<string, string>>,
    other: 'A disconnect has not come to its end.',
    follow: 'Follow it',
  },
  connection: {
    title: 'Connection',
    none: 'Not connected',
    noneSentence: 'Your tenant has no connection to Google’s ChromeOS management.',
    states: {
      onboarded: {
        word: 'Connected',
        sentence: 'Intune is connected to Google’s ChromeOS management and syncs its devices.',
      },
      inprogress: {
        word: 'In progress',
        sentence: 'Intune is setting the connection up or ending it. Intune does not say which.',
      },
      offboarding: { word: 'Disconnecting', sentence: 'Intune is ending the connection.' },
      failed: { word: 'Failed', sentence: 'Intune says that the last change of the connection failed.' },
      unknown: { word: 'Not known', sentence: 'Intune itself does not know how the connection stands.' },
    } as Readonly<Record<string, { readonly word: string; readonly sentence: string }>>,
    newWord: (word: string) => ({
      word: `“${word}”`,
      sentence:
        'That is how Intune calls it. This portal does not know the word, so it says no more about it.',
    }),
    owner: 'Owner',
    noOwner: 'not told',
    lastSync: 'Last directory sync',
    lastChange: 'Last change',
    id: 'Connection id',
    never: 'never',
    readAgo: (ago: string) => `Read from Intune ${ago}.`,
    refresh: 'Refresh',
    refreshed: 'The connection was read again.',
    stillThere: 'Intune still shows it like this. It may be about to end: a disconnect is open.',
    open: 'You cannot begin another disconnect before the open one has come to its end.',
    endTitle: 'End the connection',
    endSentence:
      'All ChromeOS devices and the connector’s settings leave Intune. It cannot be undone: connecting again starts from nothing.',
    endButton: 'Disconnect …',
    endButtonApproval: 'Ask for a disconnect …',
    endNext: 'You will see what would happen before anything does.',
    mayNot: 'You may look, but not disconnect.',
  },
  disconnect: {
    title: 'Disconnect',
    titleApproval: 'Ask for a disconnect',
    back: 'Back to the connection',
    supersedes: 'This one takes over from an operation whose end is not known.',
    whyTitle: 'Why',
    whyHint:
      'It goes on the record of your tenant, and to those who are asked to approve, here or in Intune.',
    reason: 'Reason',
    ticket: 'Ticket',
    required: 'required in your tenant',
    ticketForm: (pattern: string) => `In your tenant a ticket must match ${pattern}`,
    notAsOffered: 'What would happen has changed since the button was shown. Nothing was sent: look again.',
    optional: 'optional',
    checksTitle: 'What would happen',
    checksHint: 'Everything has been looked at, and nothing was done.',
    checking: 'Looking …',
    checkAgain: 'Look again',
    would: {
      disconnect:
        'The connection would be ended. All ChromeOS devices and the connector’s settings would leave Intune, and it could not be undone.',
      ask_for_approval: `Nothing would be sent yet: a second person would be asked to approve, and you would carry it out after that. Carrying it out ends the connection: ${whatIsLost}`,
      be_refused: 'It would be refused, and nothing would be done.',
      repeat_first_answer:
        'This request was sent before: you would get its first answer again, and nothing would be done.',
    } satisfies Record<DryRun['would'], string>,
    checks: {
      role: 'You have the role for it',
      idempotency_key_unused: 'This request was not sent before',
      enabled: 'Disconnecting is switched on',
      reason: 'A reason is given',
      ticket: 'A ticket is given',
      step_up: 'Your sign-in proves enough',
      idempotency_key: 'The call has a key of its own',
      if_match: 'The call names the connection you saw',
      on_behalf_of: 'The service may act for you',
      connection_readable: 'The connection can be read',
      unchanged: 'The connection is as you saw it',
      connected: 'There is a connection',
      no_open_operation: 'No other disconnect is open',
      intune_right_to_disconnect: 'Intune lets you disconnect',
      intune_approval: 'Intune demands no approval of its own',
    } satisfies Record<DryRunCheck['name'], string>,
    results: {
      passed: 'Yes',
      failed: 'No',
      not_checkable: 'Can’t be told beforehand',
    } satisfies Record<DryRunCheck['result'], string>,
    reasonForCheck,
    fieldMissing: {
      reason: 'Your tenant demands a reason.',
      ticket: 'Your tenant demands a ticket of the form it has laid down.',
    },
    confirmTitle: 'Confirm',
    confirm: {
      owner: {
        label: 'Type the owner of the connection',
        hint: (owner: string) => `It is ${owner}.`,
      },
      domain: {
        label: 'Type the domain of your tenant',
        hint: (domain: string) => `It is ${domain}. You are the owner of the connection yourself.`,
      },
      id: {
        label: 'Type the id of the connection',
        hint: (id: string) => `It is ${id}.`,
      },
    } satisfies Record<Confirmation['kind'], { label: string; hint: (value: string) => string }>,
    confirmWrong: 'That is not what is written above.',
    button: 'Disconnect now',
    buttonApproval: 'Ask for approval',
    buttonExecute: 'Disconnect now',
    sending: 'Sending. Don’t close this page.',
    cancel: 'Don’t',
    correct: 'Nothing was sent. Correct this first:',
    notChecked: 'What would happen could not be looked at.',
    refused: 'It was refused.',
    unsureTitle: 'We don’t know yet',
    unsure:
      'It was sent, and no certain answer came back. It may have been carried out. Sending it again is safe: it carries the same key, so it is done once at most, and you get the first answer.',
    unsureBefore: 'This was sent before the page was loaded again, and no certain answer had come back.',
    sendAgain: 'Send again',
    lookAtOperations: 'Look at the operations',
    giveUp: 'Give up asking',
    giveUpHint: 'If it was carried out, the operations show it.',
    sentAgain: (tries: number) => `Sent ${count(tries, 'time', 'times')}. Still no certain answer.`,
  },
  operations: {
    title: 'Operations',
    lead: 'Each disconnect, from the request to its end. Newest first.',
    filter: 'Status',
    all: 'All',
    none: 'There is none.',
    more: 'Show more',
    shown: (many: number) => `${count(many, 'operation', 'operations')} shown.`,
    statuses: operationStatuses,
    superseded: 'Another one took over from it.',
    by: (name: string) => `by ${name}`,
    someone: 'someone',
    you: 'you',
    decide: 'Decide',
    carryOut: 'Carry out',
    columns: {
      status: 'Status',
      requester: 'Asked for by',
      when: 'When',
      reason: 'Reason',
      ticket: 'Ticket',
    },
    open: 'Open',
    openOf: (when: string) => `Open the operation of ${when}`,
    empty: '–',
  },
  operation: {
    title: 'Operation',
    back: 'All operations',
    watching: 'Watching it. This page changes by itself.',
    over: 'It has come to its end.',
    notUpToDate: 'Intune could not be read just now, so this may be out of date.',
    notReached: 'The service cannot be reached just now. It will be asked again.',
    nowAt: (word: string) => `Now: ${word}.`,
    timeline: 'Timeline',
    details: 'Details',
    steps: {
      requested: 'Asked for',
      awaiting_approval: 'Waits for a second person',
      approved: 'Approved',
      rejected: 'Rejected',
      expired: 'Expired',
      withdrawn: 'Withdrawn',
      sent: 'Sent to Microsoft Graph',
      awaiting_intune_approval: 'Request for approval filed in Intune',
      approved_in_intune: 'Approved in Intune',
      accepted: 'Taken on by Intune',
      unknown: 'Outcome not known',
      superseded: 'Another one took over',
      completed: 'The connection is gone',
      failed: 'Failed',
      end: 'Its end',
    } satisfies Record<Step['name'], string>,
    states: {
      done: 'done',
      now: 'it stands here',
      ahead: 'still to come',
    } satisfies Record<Step['state'], string>,
    untilWhen: (when: string) => `It can be approved and carried out until ${when}.`,
    took: (duration: string) => `It took ${duration} from sending to its end.`,
    graphSaid: (value: string) => `Microsoft Graph said “${value}”.`,
    requester: 'Asked for by',
    approver: 'Decided by',
    approverReason: 'Their reason',
    intuneCode: 'Approval code in Intune',
    reason: 'Reason',
    ticket: 'Ticket',
    owner: 'Owner of the connection',
    connectionId: 'Connection id',
    concludedFrom: 'Concluded from',
    conclusions: {
      answer: 'Microsoft Graph’s answer',
      reading: 'a later look at the connection',
      lease: 'the end of the sender’s time',
      time: 'the clock',
      intune_approval: 'Intune’s own approval',
    } as Readonly<Record<string, string>>,
    explanation: 'Explanation',
    requestId: 'Request id',
    trail: 'On the audit trail',
    trailLink: 'All its events',
    supersedes: 'Took over from',
    supersededBy: 'Taken over by',
    ifCarriedOut: `When it is carried out, the connection is ended: ${whatIsLost}`,
    about: {
      requester: 'Asked for by',
      requestedAt: 'Asked for at',
      reason: 'Reason',
      ticket: 'Ticket',
      owner: 'Owner of the connection',
      since: 'Connection unchanged since',
      connectionId: 'Connection id',
    },
    notGiven: 'none given',
    decideTitle: 'Your decision',
    decideHint:
      'You decide, and the person who asked carries it out. Approving sends nothing by itself. Your reason goes on the record.',
    decideReason: 'Your reason',
    decideReasonNote: 'required',
    decideReasonMissing: 'Give a reason.',
    approve: 'Approve',
    reject: 'Reject',
    approved: 'You approved it.',
    rejected: 'You rejected it.',
    ownWaits: 'You asked for it, so another person has to decide. Tell someone with the approver’s role.',
    ownWaitsForIntune:
      'Intune tells nobody, so tell someone who may approve it: in the Intune admin center, under Tenant administration, Multi Admin Approval, by the code below. Once it is approved there, you can carry it out here.',
    waitsForIntune:
      'It is approved or rejected in the Intune admin center, under Tenant administration, Multi Admin Approval, by the code below. Once it is approved there, the person who asked for it can carry it out here.',
    takeBackInIntune:
      'Only Intune can take this request back: the person who asked for it cancels it there. Whoever completes it in Intune ends the connection.',
    withdrawTitle: 'Take it back',
    withdrawHint: 'Nothing was sent. If you take it back, you can ask again at once.',
    withdraw: 'Withdraw',
    withdrawn: 'You withdrew it.',
    executeTitle: 'Carry it out',
    executeHint: `It is approved. Carrying it out ends the connection: ${whatIsLost}`,
    executeOther: 'It is approved. Only the person who asked for it can carry it out.',
    executeStillFiled: 'It was not carried out. The request is still filed in Intune.',
    executeUnsure:
      'It was sent, and no certain answer came back. It may have been carried out, and it runs once at most. This page shows what the service knows of it as soon as it can be reached.',
    executeTryAgain: 'You can send it again: where it ran already, it does not run twice.',
    takeOver: 'Begin a new one that takes over',
    takeOverHint:
      'Nobody can tell how this one ends. If the connection is still there, you can begin a new disconnect that takes its place.',
  },
  audit: {
    title: 'Audit trail',
    lead: 'Every call of your tenant. Reading it is on it, too.',
    filters: 'Filters',
    from: 'From',
    to: 'Before',
    actor: 'Person',
    actorHint: 'A part of the name, or the object id.',
    actorNotFound:
      'Nobody with that name is on the trail. Names are found as they are now, and only where they are recorded.',
    actorShort: 'Type 2 letters or more, or an object id.',
    actorWhich: 'Several people have that in their name. Pick one:',
    actorMore: 'There are more: type more of the name.',
    actorLastSeen: (when: string) => `last seen ${when}`,
    reads: 'Hide what was only read',
    zone: (zone: string) => `Times are in your time zone (${zone}).`,
    kinds: {
      user: 'A person',
      agent: 'An agent',
      app: 'An application',
      operator: 'An operator',
      system: 'The service itself',
      unknown: 'Unknown',
    },
    event: 'Event',
    anyEvent: 'Any',
    operation: 'Operation id',
    guidWrong: 'That is not an id.',
    apply: 'Apply',
    clear: 'Clear',
    events: {
      attempt: 'Attempt',
      outcome: 'Outcome',
      move: 'Move',
      read: 'Read',
      dry_run: 'Dry run',
      replayed: 'Answer repeated',
      refused: 'Refused',
      switched: 'Switched',
      removed: 'Removed by retention',
      acknowledged: 'loss acknowledged',
    } satisfies Record<AuditEvent['event'], string>,
    actions: {
      sign_in: 'sign in',
      disconnect: 'disconnect',
      approve: 'approve',
      reject: 'reject',
      withdraw: 'withdraw',
      read_connection: 'look at the connection',
      read_operation: 'look at operations',
      read_audit: 'read the audit trail',
      read_profile: 'see who they are',
      switch_disconnect: 'switch disconnecting',
      remove_audit_events: 'remove old events',
      acknowledge_lost_history: 'acknowledge lost events',
    } satisfies Record<AuditEvent['action'], string>,
    results: {
      pending: 'begun',
      refused: 'refused',
      succeeded: 'succeeded',
      awaiting_approval: 'needs approval',
      approved: 'approved',
      sent: 'sent',
      awaiting_intune_approval: 'needs approval in Intune',
      approved_in_intune: 'approved in Intune',
      accepted: 'taken on',
      completed: 'completed',
      failed: 'failed',
      unknown: 'not known',
      rejected: 'rejected',
      expired: 'expired',
      withdrawn: 'withdrawn',
    } satisfies Record<AuditEvent['result'], string>,
    outcomes: {
      done: 'Went well',
      open: 'Begun or waiting',
      refused: 'Refused or failed',
      unknown: 'Not known',
    } satisfies Record<Outcome, string>,
    chartTitle: 'Calls over time',
    chartHint: (many: number, span: string) => `${count(many, 'event', 'events')}, ${span} a column.`,
    chartMore: 'There are older ones: show more to see further back.',
    chartSummary: (counts: string) => `Calls over time by outcome: ${counts}.`,
    chartTable: 'The same as a table',
    columnFrom: 'From',
    total: 'All',
    listTitle: 'Events',
    shown: (many: number) => `${count(many, 'event', 'events')} shown, newest first.`,
    none: 'No event matches.',
    more: 'Show more',
    columns: { when: 'When', who: 'Who', what: 'What', result: 'Result', details: 'Details' },
    details: 'Details',
    detailsOf: (what: string, when: string) => `Details of ${what}, ${when}`,
    fields: {
      id: 'Event id',
      operationId: 'Operation',
      objectId: 'Object id',
      kind: 'What acted',
      portal: 'Portal',
      address: 'From address',
      requestId: 'Request id',
      graphRequestId: 'Graph’s request id',
      reason: 'Reason',
      ticket: 'Ticket',
      value: 'Microsoft Graph said',
      failure: 'Because',
      move: 'Move',
      explanation: 'Explanation',
      duration: 'Duration',
    },
    moved: (from: string, to: string) => `${from} → ${to}`,
    beginning: 'beginning',
    proofTitle: 'Proof',
    proofFields: {
      number: 'Number in the chain',
      digest: 'Hash of the event',
      previousLink: 'Link before it',
      link: 'Link with it',
      covered: 'Signed checkpoint',
    },
    coveredBy: (checkpoint: number) => `yes, by the one at number ${number.format(checkpoint)}`,
    notCovered: 'not yet: no signed checkpoint has come after it',
    notProven: 'Check the chain below the filters to see this event’s place in it.',
    chainTitle: 'Is it proven?',
    chain: {
      signed: 'A signed checkpoint covers all of it.',
      behind: 'A signed checkpoint covers all but what has come since.',
      late: 'Signed, but the first signature came late: what is older was unproven until then.',
      unsigned: 'The last checkpoint is not signed, so nobody vouches for it.',
      none: 'There is no checkpoint yet.',
      contradicted:
        'The trail does not continue what was signed before. It was changed, and is not signed any more: tell whoever runs the service.',
    } satisfies Record<ChainStatus['status'], string>,
    chainFirstSigned: (when: string, after: string) =>
      `First signed on ${when}, ${after} after the first event.`,
    chainLength: (many: number) => `The chain has ${count(many, 'event', 'events')}.`,
    chainCheckpoint: (at: number, when: string) =>
      `The last checkpoint is at number ${number.format(at)}, from ${when}.`,
    chainRemoved: (to: number) => `Retention removed the events up to number ${number.format(to)}.`,
    prove: 'Check the chain',
    proveHint:
      'Your browser fetches the chain and works out every hash itself. Signatures are checked offline, with a key you have from elsewhere (npm run audit:verify).',
    proving: (at: number) => `Checked up to number ${number.format(at)} …`,
    proven: (many: number) =>
      `${count(many, 'event', 'events')} checked: every hash and every link is right, and the checkpoints agree.`,
    notProvenBecause: {
      altered: (at: number) =>
        `The event with number ${number.format(at)} does not have its hash: it was altered.`,
      number: (at: number) => `Around number ${number.format(at)} an event is missing or out of order.`,
      checkpoint: (at: number) =>
        `The checkpoint at number ${number.format(at)} says that the chain was another.`,
      end: (at: number) => `The chain ends at number ${number.format(at)}, and not as it should.`,
      incomplete: (at: number) => `The export broke off after number ${number.format(at)}. Try again.`,
      malformed: (at: number) =>
        `After number ${number.format(at)} something is not written as the service writes it.`,
    } satisfies Record<ProofFailed['kind'], (at: number) => string>,
    exportTitle: 'Take it away',
    exportHint: 'With the filters above. The NDJSON file verifies offline; OCSF is for a SIEM.',
    exportNdjson: 'Export NDJSON',
    exportOcsf: 'Export OCSF',
    exporting: 'Exporting …',
    exported: (name: string) => `${name} was saved.`,
  },
};

/** What a language has to say. */
export type Sentences = typeof en;
