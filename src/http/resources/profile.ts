import { Router } from 'express';
import type { Dependencies } from '../../core/dependencies.ts';
import { readProfile } from '../../core/use-cases/read-profile.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import { noQuery, queryOf } from '../request/request-body.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

/** Who the caller is and what they may do, so that a portal can show the right buttons. */
export function profileRoutes(dependencies: Dependencies): Router {
  const router = Router();
  router
    .route(`${apiPath}/me`)
    .get(async (request, response) => {
      const { caller, permissions } = await readProfile(dependencies, callOf(request, response), () =>
        queryOf(request, noQuery),
      );
      const { oid, tenantId, name, roles } = caller;
      sendJson(response, { oid, tenantId, name, roles, permissions });
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}
