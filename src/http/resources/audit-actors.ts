import { Router } from 'express';
import { z } from 'zod';
import { type AuditActors, actorKinds } from '../../core/audit/audit-event.ts';
import type { Dependencies } from '../../core/dependencies.ts';
import { findAuditActors } from '../../core/use-cases/read-audit.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { queryOf } from '../request/query.ts';
import { methodNotAllowed } from './method-not-allowed.ts';
import { time } from './operation-schemas.ts';

const actorsQuery = z.strictObject({
  name: z
    .string('must be given once')
    .trim()
    .min(2, 'must have 2 characters or more')
    .max(200, 'must have 200 characters at most')
    .describe('Part of the name; upper and lower case are the same.'),
});

const auditActors = z
  .object({
    actors: z
      .array(z.object({ oid: z.string(), kind: z.enum(actorKinds), name: z.string(), lastSeen: time }))
      .describe('The last seen first; 20 at most.'),
    complete: z.boolean().describe('`false`: there are more. Ask for a longer part of the name.'),
  })
  .meta({
    id: 'AuditActors',
    description: 'People on the trail, each by the name that their newest event has.',
  }) satisfies z.ZodType<AuditActors>;

/** Who is on the trail, by name: the trail is filtered by object ids. */
export function auditActorRoutes(dependencies: Dependencies): Router {
  const router = Router();
  router
    .route(`${apiPath}/audit/actors`)
    .get(async (request, response) => {
      const { actors, complete } = await findAuditActors(dependencies, callOf(request, response), () =>
        queryOf(request, actorsQuery),
      );
      sendJson(response, { actors, complete });
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}

export const auditActorPaths: DescribedPaths = {
  [`${apiPath}/audit/actors`]: {
    get: {
      operationId: 'findAuditActors',
      tag: 'audit',
      summary: 'Find people on the audit trail by name',
      description:
        'Returns the object ids to filter the trail by. Nobody is found whose name is not recorded (`audit.keepNames`), nor by a name they had before.',
      who: 'read_audit',
      params: { query: actorsQuery },
      answers: { 200: { description: 'Those found.', schema: auditActors } },
      problems: [],
    },
  },
};
