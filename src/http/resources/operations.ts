import { Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../../core/dependencies.ts';
import { isSettled, operationStatuses } from '../../core/operation/life.ts';
import type { Operation } from '../../core/operation/operation.ts';
import { decide } from '../../core/use-cases/decide.ts';
import { execute } from '../../core/use-cases/execute.ts';
import { listOperations, readOperation } from '../../core/use-cases/read-operation.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import { ifMatchOf, preferredWaitMs } from '../request/preconditions.ts';
import { validate, cursor, jsonBody, limit, optional, noQuery, queryOf, boundedText } from '../request/request-body.ts';
import { sendReply } from './connection.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

const maxWaitMs = 30_000;
export const pathId = z.object({
  id: z.guid('must be the id of an operation').toLowerCase().describe('The id of an operation.'),
});
export const decision = z.strictObject(
  {
    reason: boundedText(500)
      .refine((value) => value.trim() !== '', 'must not be empty')
      .meta({ description: 'Why, for the requester and the record.', minLength: 1 }),
  },
  'must be a JSON object',
);
export const emptyBody = z.strictObject({}, 'must be an empty JSON object, or nothing');
export const operationsQuery = z.strictObject({
  status: optional(
    z
      .enum(operationStatuses, `must be one of ${operationStatuses.join(', ')}`)
      .describe('Only operations that stand here.'),
  ),
  limit,
  cursor,
});

/** Operations: what became of each disconnect, and what two people decide about one. */
export function operationRoutes(dependencies: Dependencies): Router {
  const router = Router();

  router
    .route(`${apiPath}/operations`)
    .get(async (request, response) => {
      const page = await listOperations(dependencies, callOf(request, response), () =>
        queryOf(request, operationsQuery),
      );
      sendJson(response, { operations: page.operations.map(shownOperation), nextCursor: page.nextCursor });
    })
    .all(methodNotAllowed('GET', 'HEAD'));

  router
    .route(`${apiPath}/operations/:id`)
    .get(async (request, response) => {
      const waitMs = preferredWaitMs(request, maxWaitMs);
      const { operation, readFailed } = await readOperation(
        dependencies,
        callOf(request, response),
        () => {
          queryOf(request, noQuery);
          return validate(pathId, request.params).id;
        },
        waitMs,
      );
      if (waitMs > 0) response.setHeader('preference-applied', `wait=${waitMs / 1000}`);
      if (!isSettled(operation)) {
        response.setHeader('retry-after', String(Math.ceil(dependencies.timing.watchEveryMs / 1000)));
      }
      sendJson(response, { ...shownOperation(operation), readFailed });
    })
    .all(methodNotAllowed('GET', 'HEAD'));

  for (const verb of ['approve', 'reject'] as const) {
    router
      .route(`${apiPath}/operations/:id/${verb}`)
      .post(async (request, response) => {
        const operation = await decide(dependencies, callOf(request, response), verb, async () => {
          const { id } = validate(pathId, request.params);
          queryOf(request, noQuery);
          const { reason } = validate(decision, (await jsonBody(request, response, decision)) ?? {});
          return { operationId: id, reason };
        });
        sendJson(response, shownOperation(operation));
      })
      .all(methodNotAllowed('POST'));
  }

  router
    .route(`${apiPath}/operations/:id/execute`)
    .post(async (request, response) => {
      const reply = await execute(dependencies, callOf(request, response), async () => {
        queryOf(request, noQuery);
        await jsonBody(request, response, emptyBody);
        return { operationId: validate(pathId, request.params).id, ifMatch: ifMatchOf(request) };
      });
      sendReply(response, reply);
    })
    .all(methodNotAllowed('POST'));

  return router;
}

/** An operation as the API shows it, member by member: what else is known of it stays here. */
function shownOperation(operation: Operation): Operation {
  return {
    id: operation.id,
    tenantId: operation.tenantId,
    status: operation.status,
    requester: operation.requester,
    reason: operation.reason,
    ticket: operation.ticket,
    connection: operation.connection,
    requestId: operation.requestId,
    graphRequestId: operation.graphRequestId,
    value: operation.value,
    concludedFrom: operation.concludedFrom,
    explanation: operation.explanation,
    approval: operation.approval,
    supersedes: operation.supersedes,
    supersededBy: operation.supersededBy,
    requestedAt: operation.requestedAt,
    sentAt: operation.sentAt,
    movedAt: operation.movedAt,
    expiresAt: operation.expiresAt,
    tookMs: operation.tookMs,
  };
}
