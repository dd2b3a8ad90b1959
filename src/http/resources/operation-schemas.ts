import { z } from 'zod';
import type { FailureReason } from '../../core/failure.ts';
import { type ConnectionState, knownStatuses } from '../../core/operation/connection.ts';
import { operationStatuses } from '../../core/operation/life.ts';
import type { Operation } from '../../core/operation/operation.ts';
import type { DryRun } from '../../core/use-cases/dry-run.ts';

// Every reason, so that the compiler finds one that is missing.
const failureReasons = {
  request_invalid: true,
  request_malformed: true,
  request_timeout: true,
  headers_too_large: true,
  body_incomplete: true,
  body_not_json: true,
  body_too_large: true,
  media_type_unsupported: true,
  not_found: true,
  method_not_allowed: true,
  precondition_required: true,
  idempotency_key_required: true,
  idempotency_key_reused: true,
  idempotency_key_in_use: true,
  token_missing: true,
  token_invalid: true,
  insufficient_scope: true,
  portal_not_allowed: true,
  guest_not_allowed: true,
  role_missing: true,
  signing_keys_unavailable: true,
  claims_required: true,
  assertion_rejected: true,
  consent_required: true,
  tenant_setup_required: true,
  access_blocked: true,
  exchange_refused: true,
  exchange_misconfigured: true,
  credential_rejected: true,
  identity_throttled: true,
  identity_unavailable: true,
  graph_token_rejected: true,
  graph_forbidden: true,
  graph_not_found: true,
  graph_conflict: true,
  graph_rejected: true,
  graph_throttled: true,
  graph_unavailable: true,
  outcome_unknown: true,
  intune_approval_required: true,
  intune_approval_pending: true,
  intune_approval_filed: true,
  not_connected: true,
  connection_changed: true,
  operation_in_progress: true,
  operation_not_allowed: true,
  operation_not_found: true,
  own_approval: true,
  not_the_requester: true,
  disconnect_disabled: true,
  caller_gone: true,
  not_sent_in_time: true,
  rate_limited: true,
  overloaded: true,
  audit_unavailable: true,
  history_lost: true,
  internal: true,
} satisfies Record<FailureReason, true>;

const reasonNames = Object.keys(failureReasons) as FailureReason[];

export const failureReason = z.enum(reasonNames).meta({
  id: 'FailureReason',
  description:
    'Why something ended badly, as the record names it. The `code` of a problem is what a caller hears of it.',
});

export const id = z.guid();
export const time = z.iso.datetime();
export const operationStatus = z.enum(operationStatuses).meta({
  id: 'OperationStatus',
  description:
    'Where a disconnect stands. `accepted` is all that a 200 of Graph promises; `completed` is that the connection is gone; `unknown` is that nobody can tell yet.',
});

const onboardingStatus = `\`chromeOSOnboardingStatus\` as Graph says it: ${knownStatuses.map((word) => `\`${word}\``).join(', ')}, or a word it learns later.`;

/** The connection as Graph shapes it. Graph may show more, and that is passed on. */
export const connection = z
  .looseObject({
    id: z.string(),
    ownerUserPrincipalName: z.string().nullish(),
    onboardingStatus: z.string().describe(onboardingStatus),
    lastModifiedDateTime: z.string().nullish(),
    lastDirectorySyncDateTime: z.string().nullish(),
  })
  .meta({
    id: 'Connection',
    description:
      "The tenant's connection to Google's ChromeOS management, as Microsoft Graph shapes a `chromeOSOnboardingSettings`. What else Graph shows is passed on.",
  });

export const connectionList = z
  .object({ value: z.array(connection).describe('At most one: a tenant has one connection.') })
  .meta({ id: 'ConnectionList' });

export const connectionState = z
  .object({
    id: z.string(),
    owner: z.string().nullable(),
    status: z.string().describe(onboardingStatus),
    lastModified: z.string().nullable(),
    lastDirectorySync: z.string().nullable(),
  })
  .meta({
    id: 'ConnectionState',
    description: 'The connection as it was seen before the act.',
  }) satisfies z.ZodType<ConnectionState>;

const person = { oid: z.string(), name: z.string().nullable() };
const concludedFrom = z.enum(['answer', 'reading', 'lease', 'time', 'intune_approval']);

export const operation = z
  .object({
    id,
    tenantId: id,
    status: operationStatus,
    requester: z.object({ ...person, clientId: z.string() }),
    reason: z.string().nullable(),
    ticket: z.string().nullable(),
    connection: connectionState,
    requestId: id.describe('What Graph heard as `client-request-id` of the act.'),
    graphRequestId: z.string().nullable(),
    value: z.string().nullable().describe(onboardingStatus),
    concludedFrom: concludedFrom
      .nullable()
      .describe(
        "What the status was concluded from: Graph's answer to the act, a later reading of the connection, the end of the sender's lease, the clock, or a request for approval that Intune filed.",
      ),
    explanation: z.string().nullable().describe('Why it stands where it stands, for people.'),
    approval: z.object({ approver: z.object(person), reason: z.string(), at: time }).nullable(),
    supersedes: id.nullable().describe('The operation it took over from.'),
    supersededBy: id.nullable().describe('The operation that took over from it.'),
    requestedAt: time,
    sentAt: time.nullable(),
    movedAt: time.describe('When it came to where it stands.'),
    expiresAt: time.nullable().describe('Until when it can be approved and executed.'),
    tookMs: z.number().nullable().describe('How long it took from sending to its end.'),
  })
  .meta({
    id: 'Operation',
    description: 'One disconnect, from the wish to its end.',
  }) satisfies z.ZodType<Operation>;

export const operationNow = operation
  .extend({
    readFailed: failureReason
      .nullable()
      .describe('Why Graph could not be read for it just now; `null` where it was, or need not be.'),
  })
  .meta({ id: 'OperationNow', description: 'An operation, brought up to date as far as possible.' });

export const nextCursor = z
  .string()
  .nullable()
  .describe('Where the next page begins; `null`: there is none.');

export const operationPage = z
  .object({ operations: z.array(operation).describe('Newest first.'), nextCursor })
  .meta({ id: 'OperationPage' });

export const disconnected = z
  .object({
    value: z.string().describe(`${onboardingStatus} \`unknown\` where the connection is gone and has none.`),
    operationId: id,
    status: z
      .enum(['failed', 'unknown'])
      .optional()
      .describe('Where the operation stands, unless it is `accepted`.'),
    concludedFrom: z
      .literal('reading')
      .optional()
      .describe('No usable answer came from Graph; the connection shows that it took the disconnect on.'),
  })
  .meta({
    id: 'Disconnected',
    description: 'Graph took the disconnect on. That is not yet its end: watch the operation.',
  });

export const awaitingApproval = z
  .object({ operationId: id, status: z.literal('awaiting_approval'), expiresAt: time })
  .meta({ id: 'AwaitingApproval', description: 'Nothing was sent: a second person must approve first.' });

const checkNames = [
  'role',
  'enabled',
  'reason',
  'ticket',
  'step_up',
  'idempotency_key',
  'if_match',
  'on_behalf_of',
  'connection_readable',
  'unchanged',
  'connected',
  'no_open_operation',
  'intune_right_to_disconnect',
] as const;

const dryRunCheck = z
  .object({
    name: z.enum(checkNames),
    result: z.enum(['passed', 'failed', 'not_checkable']),
    reason: z
      .enum([...reasonNames, 'a_read_can_not_prove_the_right_to_write', 'not_reached'])
      .nullable()
      .describe("Why it failed, or why a look can't tell."),
  })
  .meta({ id: 'DryRunCheck' }) satisfies z.ZodType<DryRun['checks'][number]>;

export const dryRun = z
  .object({
    dryRun: z.literal(true),
    would: z.enum(['disconnect', 'ask_for_approval', 'be_refused']) satisfies z.ZodType<DryRun['would']>,
    consequence: z.string().describe('The same as a sentence, to show before the button.'),
    checks: z.array(dryRunCheck),
    connection: connection.nullable(),
  })
  .meta({ id: 'DryRun', description: 'What the call would do. Nothing was done.' });
