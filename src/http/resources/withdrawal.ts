import { Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../../core/dependencies.ts';
import { withdraw } from '../../core/use-cases/withdraw.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { withBody } from '../problems/possible.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { operation, pathId, readReasoned, reasonedBody, shownOperation } from './operation-schemas.ts';
import { asSeenOf, ifMatchOperation } from './operation-version.ts';

/** What the requester takes back. */
export function withdrawalRoutes(dependencies: Dependencies): Router {
  const router = Router();
  router
    .route(`${apiPath}/operations/:operationId/withdraw`)
    .post(async (request, response) => {
      const withdrawn = await withdraw(dependencies, callOf(request, response), async () => ({
        ...(await readReasoned(request, response)),
        asSeen: asSeenOf(request),
      }));
      sendJson(response, shownOperation(withdrawn));
    })
    .all(methodNotAllowed('POST'));
  return router;
}

export const withdrawalPaths: DescribedPaths = {
  [`${apiPath}/operations/{operationId}/withdraw`]: {
    post: {
      operationId: 'withdraw',
      tag: 'operations',
      summary: 'Withdraw a disconnect that was not executed',
      description:
        'The person who asked for it takes it back, whether it is approved or not. Nothing was sent, and the idempotency key is free. `If-Match` is optional; where it is given, it is checked.',
      who: 'disconnect',
      params: { path: pathId, header: z.object({ 'If-Match': ifMatchOperation }) },
      body: { description: 'Why.', required: true, schema: reasonedBody },
      answers: { 200: { description: 'The operation as it is now.', schema: operation } },
      problems: [
        ...withBody,
        'not_the_requester',
        'operation_not_found',
        'operation_changed',
        'operation_not_allowed',
        'decided_in_intune',
      ],
    },
  },
};
