import { z } from 'zod';
import type { DryRun } from '../../core/use-cases/dry-run.ts';
import { connection, onboardingStatus } from './connection.ts';
import { reasonNames } from './failure-reason.ts';

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
      .describe('No usable answer came from Graph; the connection shows that it took the disconnect on.'),
  })
  .meta({
    id: 'Disconnected',
    description: 'Graph took the disconnect on. That is not yet its end: watch the operation.',
  });

export const awaitingApproval = z
  .object({ operationId: z.guid(), status: z.literal('awaiting_approval'), expiresAt: z.iso.datetime() })
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
      .enum([...reasonNames, 'write_permission_not_verifiable', 'not_reached'])
      .nullable()
      .describe('Why it failed, or why a read cannot tell.'),
  })
  .meta({ id: 'DryRunCheck' }) satisfies z.ZodType<DryRun['checks'][number]>;

export const dryRunResult = z
  .object({
    dryRun: z.literal(true),
    would: z.enum(['disconnect', 'ask_for_approval', 'be_refused']) satisfies z.ZodType<DryRun['would']>,
    consequence: z.string().describe('The same as a sentence, to show before the button.'),
    checks: z.array(dryRunCheck),
    connection: connection.nullable(),
  })
  .meta({ id: 'DryRun', description: 'What the call would do. Nothing was done.' });
