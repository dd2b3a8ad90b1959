import { z } from 'zod';
import { effects } from '../../core/operation/consequence.ts';
import { checkNames, type DryRunCheck, type UncheckableReason } from '../../core/use-cases/dry-run.ts';
import { furtherMembers, problemCode } from '../problems/problem-schema.ts';
import { connection, onboardingStatus } from './connection.ts';

/** What a disconnect and an execution answer, and a dry run. */

export const disconnected = z
  .object({
    value: z.string().describe(`${onboardingStatus} \`unknown\` where the connection is gone and has none.`),
    operationId: z.guid(),
    status: z
      .enum(['failed', 'unknown'])
      .optional()
      .describe('The status of the operation, unless it is `accepted`.'),
    concludedFrom: z
      .literal('reading')
      .optional()
      .describe('No usable answer came from Graph; the connection shows that the disconnect was accepted.'),
  })
  .meta({
    id: 'Disconnected',
    description: 'Graph accepted the disconnect. It has not ended yet: watch the operation.',
  });

export const awaitingApproval = z
  .object({
    operationId: z.guid(),
    status: z
      .enum(['awaiting_approval', 'awaiting_intune_approval'])
      .describe(
        '`awaiting_approval`: nothing was sent, and a second person must approve first. `awaiting_intune_approval`: Intune filed a request for approval (Multi Admin Approval), and completing it there disconnects the connector.',
      ),
    expiresAt: z.iso
      .datetime()
      .nullable()
      .describe('Until when it can be approved and executed; `null` where that is not on record yet.'),
    approvalCode: z
      .guid()
      .optional()
      .describe('With `awaiting_intune_approval`: under which Intune knows the request.'),
  })
  .meta({ id: 'AwaitingApproval', description: 'It is not carried out yet: people must approve it first.' });

/** Why a dry run cannot tell, as a problem would say it. */
export const notCheckable = {
  write_permission_not_verifiable: {
    title: 'It cannot be known beforehand',
    detail: 'Only the disconnect itself shows whether Intune lets this user do it: a read does not prove it.',
    hint: 'Make sure that the user has an Intune licence and an Intune role that may do it.',
  },
  not_reached: {
    title: 'It was not checked',
    detail: 'The connection could not be read, so nothing can be said about it.',
    hint: 'See to the check that failed first.',
  },
  intune_may_ask_for_approval: {
    title: 'Intune may ask for an approval of its own',
    detail:
      'Only the disconnect itself shows whether an access policy of the tenant (Multi Admin Approval) protects this. If one does, reason and ticket go to Intune as the justification, and the disconnect waits for the approval there.',
    hint: 'Give a reason that says to an approver in Intune what this is about.',
  },
  intune_may_refuse: {
    title: 'Intune may demand an approval of its own',
    detail:
      'Only the disconnect itself shows whether an access policy of the tenant (Multi Admin Approval) protects this. If one does, the disconnect is refused: this service may not ask for the approval.',
    hint: 'Where the tenant has such a policy, disconnect in the Intune admin center.',
  },
} as const satisfies Record<UncheckableReason, { title: string; detail: string; hint: string }>;

const dryRunCheck = z
  .object({
    name: z.enum(checkNames),
    result: z.enum(['passed', 'failed', 'not_checkable']) satisfies z.ZodType<DryRunCheck['result']>,
    code: z
      .union([problemCode, z.enum(Object.keys(notCheckable) as UncheckableReason[])])
      .nullable()
      .describe(
        'With `failed`: the `code` of the problem that the disconnect would be answered with. With `not_checkable`: why a dry run cannot tell. With `passed`: `null`.',
      ),
    title: z.string().optional(),
    detail: z.string().optional().describe('What is wrong, in the words of the problem.'),
    hint: z.string().optional().describe('What to do about it.'),
    ...furtherMembers,
  })
  .meta({
    id: 'DryRunCheck',
    description:
      'One thing that must hold for a disconnect. Where there is a `code`, the members are those of the problem.',
  });

export const dryRunResult = z
  .object({
    dryRun: z.literal(true),
    would: z.enum(effects),
    consequence: z.string().describe('The same as a sentence, to show before the button.'),
    irreversible: z
      .boolean()
      .describe(
        'Whether what the call would do cannot be undone. A request for an approval can be withdrawn.',
      ),
    checks: z.array(dryRunCheck),
    connection: connection.nullable(),
  })
  .meta({ id: 'DryRun', description: 'What the call would do. Nothing was done.' });
