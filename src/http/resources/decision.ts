import { Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../../core/dependencies.ts';
import { decide } from '../../core/use-cases/decide.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths, Description } from '../openapi/description.ts';
import { withBody } from '../problems/possible.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { operation, pathId, readReasoned, reasonedBody, shownOperation } from './operation-schemas.ts';
import { asSeenOf, ifMatchOperation } from './operation-version.ts';

/** What a second person decides about a disconnect. */
export function decisionRoutes(dependencies: Dependencies): Router {
  const router = Router();
  for (const verb of ['approve', 'reject'] as const) {
    router
      .route(`${apiPath}/operations/:operationId/${verb}`)
      .post(async (request, response) => {
        const decided = await decide(dependencies, callOf(request, response), verb, async () => ({
          ...(await readReasoned(request, response)),
          asSeen: asSeenOf(request),
        }));
        sendJson(response, shownOperation(decided));
      })
      .all(methodNotAllowed('POST'));
  }
  return router;
}

export const decisionPaths: DescribedPaths = {
  [`${apiPath}/operations/{operationId}/approve`]: {
    post: described({
      operationId: 'approve',
      summary: 'Approve a disconnect',
      description:
        'The second person agrees. Nothing is sent yet: the requester executes it. The one who approves needs no right in Intune and never acts there. `If-Match` with the `ETag` of the operation is required, so that nobody approves what has changed since they read it.',
      problems: ['precondition_required'],
    }),
  },
  [`${apiPath}/operations/{operationId}/reject`]: {
    post: described({
      operationId: 'reject',
      summary: 'Reject a disconnect',
      description:
        'The second person refuses, which ends the operation. `If-Match` is optional; where it is given, it is checked.',
      problems: [],
    }),
  },
};

function described({
  problems,
  ...rest
}: Pick<Description, 'operationId' | 'summary' | 'description' | 'problems'>): Description {
  return {
    ...rest,
    tag: 'operations',
    who: 'approve',
    params: { path: pathId, header: z.object({ 'If-Match': ifMatchOperation }) },
    body: { description: 'Why.', required: true, schema: reasonedBody },
    answers: { 200: { description: 'The operation as it is now.', schema: operation } },
    problems: [
      ...withBody,
      ...problems,
      'own_approval',
      'operation_not_found',
      'operation_changed',
      'operation_not_allowed',
      'decided_in_intune',
    ],
  };
}
