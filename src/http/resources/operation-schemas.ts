import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Failure } from '../../core/failure.ts';
import { type Consequence, consequenceOfAct } from '../../core/operation/consequence.ts';
import { operationStatuses } from '../../core/operation/life.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { concludedFroms } from '../../core/operation/outcome.ts';
import { explained } from '../problems/answers.ts';
import { problemCode } from '../problems/problem-schema.ts';
import { jsonBody } from '../request/json-body.ts';
import { noQuery, queryOf } from '../request/query.ts';
import { boundedText, validate } from '../request/validate.ts';
import { connectionState, onboardingStatus } from './connection.ts';

export const id = z.guid();
export const time = z.iso.datetime();
export const operationStatus = z.enum(operationStatuses).meta({
  id: 'OperationStatus',
  description:
    'The status of a disconnect. `accepted` is all that a 200 of Graph promises; `completed` is that the connection is gone; `unknown` is that nobody knows yet. With `awaiting_intune_approval` and `approved_in_intune` a request for its approval is filed in Intune, where it may be completed at any moment.',
});

const person = { oid: z.string(), name: z.string().nullable() };
const requester = z.object({ ...person, clientId: z.string() }).meta({ id: 'Requester' });
const approval = z
  .object({ approver: z.object(person).meta({ id: 'Person' }), reason: z.string(), at: time })
  .meta({ id: 'Approval' });
const intuneApproval = z.object({ code: z.guid(), filedAt: time }).meta({ id: 'IntuneApproval' });
const concludedFrom = z.enum(concludedFroms).meta({ id: 'ConcludedFrom' });

/** An operation on the wire, where its id has the name that it has in problems, events and answers. */
type ShownOperation = Omit<Operation, 'id'> & { readonly operationId: string } & Consequence;

export const operation = z
  .object({
    operationId: id,
    tenantId: id,
    status: operationStatus,
    requester,
    reason: z.string().nullable(),
    ticket: z.string().nullable(),
    consequence: z
      .string()
      .describe('What carrying it out does, to show to the person who decides about it.'),
    irreversible: z.boolean().describe('Whether carrying it out cannot be undone.'),
    connection: connectionState.describe(
      'The connection it is about, as it was read when the disconnect was asked for; when it is executed, as it was read then.',
    ),
    requestId: id.describe('What Graph got as `client-request-id` with the act.'),
    graphRequestId: z.string().nullable(),
    value: z.string().nullable().describe(onboardingStatus),
    concludedFrom: concludedFrom
      .nullable()
      .describe(
        "What the status was concluded from: Graph's answer to the act, a later reading of the connection, the end of the sender's lease, the clock, or what Intune said of its own approval.",
      ),
    explanation: z.string().nullable().describe('Why it has this status, for people.'),
    approval: approval.nullable(),
    intuneApproval: intuneApproval
      .nullable()
      .describe(
        'The request for approval that Intune filed for it (Multi Admin Approval), and its code there.',
      ),
    supersedes: id.nullable().describe('The operation it took over from.'),
    supersededBy: id.nullable().describe('The operation that took over from it.'),
    requestedAt: time,
    sentAt: time.nullable(),
    movedAt: time.describe('When it got this status.'),
    expiresAt: time.nullable().describe('Until when it can be approved and executed, here or in Intune.'),
    tookMs: z.number().nullable().describe('How long it took from sending to its end.'),
  })
  .meta({
    id: 'Operation',
    description: 'One disconnect, from the request to its end.',
  }) satisfies z.ZodType<ShownOperation>;

export const operationNow = operation
  .extend({
    readFailed: problemCode
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

/** The id of an operation in a path. */
export const pathId = z.object({
  operationId: z.guid('must be the id of an operation').toLowerCase().describe('The id of an operation.'),
});

/** An operation as the API shows it, member by member: what else is known of it stays here. */
export function shownOperation(operation: Operation): ShownOperation {
  return {
    operationId: operation.id,
    tenantId: operation.tenantId,
    status: operation.status,
    requester: operation.requester,
    reason: operation.reason,
    ticket: operation.ticket,
    ...consequenceOfAct,
    connection: operation.connection,
    requestId: operation.requestId,
    graphRequestId: operation.graphRequestId,
    value: operation.value,
    concludedFrom: operation.concludedFrom,
    explanation: operation.explanation,
    approval: operation.approval,
    intuneApproval: operation.intuneApproval,
    supersedes: operation.supersedes,
    supersededBy: operation.supersededBy,
    requestedAt: operation.requestedAt,
    sentAt: operation.sentAt,
    movedAt: operation.movedAt,
    expiresAt: operation.expiresAt,
    tookMs: operation.tookMs,
  };
}

/** The same, with why Graph could not be read for it just now. */
export function nowShown(operation: Operation, readFailed: Failure | null) {
  return { ...shownOperation(operation), readFailed: readFailed && explained(readFailed).code };
}

/** The body of what a person decides about an operation. */
export const reasonedBody = z
  .strictObject(
    {
      reason: boundedText(500)
        .refine((value) => value.trim() !== '', 'must not be empty')
        .meta({ description: 'Why, for the other person and the record.', minLength: 1 }),
    },
    'must be a JSON object',
  )
  .meta({ id: 'ReasonedRequest' });

/** The operation in the path and the reason in the body. Fails with what is wrong with either, or with the query. */
export async function readReasoned(
  request: Request,
  response: Response,
): Promise<{ operationId: string; reason: string }> {
  const { operationId } = validate(pathId, request.params);
  queryOf(request, noQuery);
  const { reason } = validate(reasonedBody, (await jsonBody(request, response, reasonedBody)) ?? {});
  return { operationId, reason };
}
