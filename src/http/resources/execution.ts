import { Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../../core/dependencies.ts';
import { execute } from '../../core/use-cases/execute.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { actProblems } from '../problems/possible.ts';
import { jsonBody } from '../request/json-body.ts';
import { ifMatch, ifMatchOf } from '../request/preconditions.ts';
import { noQuery, queryOf } from '../request/query.ts';
import { validate } from '../request/validate.ts';
import { sendReply } from './disconnect.ts';
import { awaitingApproval, disconnected } from './disconnect-schemas.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { pathId } from './operation-schemas.ts';

const emptyBody = z.strictObject({}, 'must be an empty JSON object, or nothing');

/** Its route, as metrics and logs name it. */
export const executionRoute = `${apiPath}/operations/:operationId/execute`;

/** Carries out what was approved, here or in Intune. */
export function executionRoutes(dependencies: Dependencies): Router {
  const router = Router();
  router
    .route(executionRoute)
    .post(async (request, response) => {
      const reply = await execute(dependencies, callOf(request, response), async () => {
        queryOf(request, noQuery);
        await jsonBody(request, response, emptyBody);
        return { operationId: validate(pathId, request.params).operationId, ifMatch: ifMatchOf(request) };
      });
      sendReply(response, reply);
    })
    .all(methodNotAllowed('POST'));
  return router;
}

export const executionPaths: DescribedPaths = {
  [`${apiPath}/operations/{operationId}/execute`]: {
    post: {
      operationId: 'execute',
      tag: 'operations',
      summary: 'Execute an approved disconnect',
      description:
        'The requester carries it out, with a fresh sign-in, once a second person approved it here, or Intune shows its request as approved (Multi Admin Approval). From there on it is as *disconnect* is: with every problem but `outcome_unknown` and `intune_approval_filed` (and a defect, `internal_error`) it is certain that nothing was done.',
      who: 'disconnect',
      params: { path: pathId, header: z.object({ 'If-Match': ifMatch }) },
      body: { description: 'Nothing, or `{}`.', required: false, schema: emptyBody },
      answers: {
        200: {
          description: 'Graph accepted it.',
          headers: ['location', 'request-id'],
          schema: disconnected,
        },
        202: {
          description: 'Intune demands an approval of its own: the operation waits for it.',
          headers: ['location', 'request-id'],
          schema: awaitingApproval,
        },
      },
      problems: [...actProblems, 'operation_not_allowed', 'decided_in_intune', 'not_the_requester'],
    },
  },
};
