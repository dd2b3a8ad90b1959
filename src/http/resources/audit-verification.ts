import { Router } from 'express';
import type { Dependencies } from '../../core/dependencies.ts';
import { readChainStatus } from '../../core/use-cases/export-audit.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { noQuery, queryOf } from '../request/query.ts';
import { chainStatus } from './audit-schemas.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

/** How well the audit trail is proven. */
export function auditVerificationRoutes(dependencies: Dependencies): Router {
  const router = Router();
  router
    .route(`${apiPath}/audit/verification`)
    .get(async (request, response) => {
      sendJson(
        response,
        await readChainStatus(dependencies, callOf(request, response), () => queryOf(request, noQuery)),
      );
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}

export const auditVerificationPaths: DescribedPaths = {
  [`${apiPath}/audit/verification`]: {
    get: {
      operationId: 'readVerification',
      tag: 'audit',
      summary: 'How well the trail is proven',
      description: "How far the trail of the caller's own tenant is covered by signed checkpoints.",
      who: 'read_audit',
      answers: { 200: { description: 'The state of its chain.', schema: chainStatus } },
      problems: [],
    },
  },
};
