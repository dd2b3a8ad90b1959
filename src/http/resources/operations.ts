import { Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../../core/dependencies.ts';
import { isSettled, operationStatuses } from '../../core/operation/life.ts';
import { listOperations, readOperation } from '../../core/use-cases/read-operation.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { preferHeader, preferredWaitMs } from '../request/preconditions.ts';
import { cursor, limit, noQuery, optional, queryOf } from '../request/query.ts';
import { validate } from '../request/validate.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { nowShown, operationNow, operationPage, pathId, shownOperation } from './operation-schemas.ts';
import { operationEtag } from './operation-version.ts';

const maxWaitMs = 30_000;
const operationsQuery = z.strictObject({
  status: optional(
    z
      .enum(operationStatuses, `must be one of ${operationStatuses.join(', ')}`)
      .describe('Only operations with this status.'),
  ),
  limit,
  cursor,
});

/** What became of each disconnect. */
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
    .route(`${apiPath}/operations/:operationId`)
    .get(async (request, response) => {
      const waitMs = preferredWaitMs(request, maxWaitMs);
      const { operation, readFailed } = await readOperation(
        dependencies,
        callOf(request, response),
        () => {
          queryOf(request, noQuery);
          return validate(pathId, request.params).operationId;
        },
        waitMs,
      );
      if (waitMs > 0) response.setHeader('preference-applied', `wait=${waitMs / 1000}`);
      if (!isSettled(operation)) {
        response.setHeader('retry-after', String(Math.ceil(dependencies.timing.watchEveryMs / 1000)));
      }
      const shown = nowShown(operation, readFailed);
      response.setHeader('etag', operationEtag(shown));
      sendJson(response, shown);
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}

const tag = 'operations';

export const operationPaths: DescribedPaths = {
  [`${apiPath}/operations`]: {
    get: {
      operationId: 'listOperations',
      tag,
      summary: "List the tenant's operations",
      description: 'Newest first. Nothing is read from Graph for it.',
      who: 'read_connection',
      params: { query: operationsQuery },
      answers: { 200: { description: 'A page.', schema: operationPage } },
      problems: [],
    },
  },
  [`${apiPath}/operations/{operationId}`]: {
    get: {
      operationId: 'readOperation',
      tag,
      summary: 'What became of a disconnect',
      description:
        'While its outcome is not known, Graph is read on behalf of the caller, at most once in a few seconds for all callers together, and what is seen may settle it.',
      who: 'read_connection',
      params: {
        path: pathId,
        header: z.object({
          Prefer: preferHeader
            .optional()
            .describe(
              '`wait=20`: answer when the status changes, after so many seconds at the latest (RFC 7240; 30 at most).',
            ),
        }),
      },
      answers: {
        200: {
          description:
            'The operation. `Retry-After` says when to read it again; without it, it does not change any more. The `ETag` stands for all that is shown: send it in `If-Match` with an approval.',
          headers: ['etag', 'retry-after', 'preference-applied'],
          schema: operationNow,
        },
      },
      problems: ['operation_not_found', 'insufficient_claims'],
    },
  },
};
