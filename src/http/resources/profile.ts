import { Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../../core/dependencies.ts';
import { type Policy, ticketExpressionOf } from '../../core/operation/policy.ts';
import { permissions } from '../../core/permission.ts';
import { readProfile } from '../../core/use-cases/read-profile.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { noQuery, queryOf } from '../request/query.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

const policy = z
  .object({
    reasonRequired: z.boolean(),
    ticketRequired: z.boolean(),
    ticketPattern: z
      .string()
      .nullable()
      .describe('A regular expression that the whole ticket matches, in the syntax of ECMAScript.'),
    stepUp: z.string().nullable().describe('The authentication context that the sign-in must prove.'),
    approvalRequired: z
      .boolean()
      .describe('Whether a disconnect only asks for the approval of a second person.'),
    idempotencyKeyRequired: z.boolean(),
    ifMatchRequired: z.boolean(),
  })
  .meta({ id: 'Policy', description: 'What the tenant demands of a disconnect.' });

const profile = z
  .object({
    oid: z.string(),
    tenantId: z.guid(),
    tenantDomain: z
      .string()
      .nullable()
      .describe(
        "The domain people know the tenant by: that of the caller's own name, for display. `null` for a guest, and where the name has none.",
      ),
    name: z.string().nullable().describe('For display; not an identifier.'),
    roles: z
      .array(z.string())
      .describe('The app roles of the token, as they are called in this installation.'),
    permissions: z.array(z.enum(permissions)).describe('What they allow here.'),
    policy: policy.nullable().describe('`null` for those who may not disconnect.'),
  })
  .meta({ id: 'Profile', description: 'Who the caller is, and what they may do.' });

/** Who the caller is and what they may do, so that a portal can show the right buttons. */
export function profileRoutes(dependencies: Dependencies): Router {
  const router = Router();
  router
    .route(`${apiPath}/me`)
    .get(async (request, response) => {
      const { caller, permissions, tenantDomain, policy } = await readProfile(
        dependencies,
        callOf(request, response),
        () => queryOf(request, noQuery),
      );
      const { oid, tenantId, name, roles } = caller;
      sendJson(response, {
        oid,
        tenantId,
        tenantDomain,
        name,
        roles,
        permissions,
        policy: policy && shownPolicy(policy),
      });
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}

function shownPolicy(demanded: Policy): z.infer<typeof policy> {
  return {
    reasonRequired: demanded.reasonRequired,
    ticketRequired: demanded.ticketRequired,
    ticketPattern: demanded.ticketPattern && ticketExpressionOf(demanded.ticketPattern),
    stepUp: demanded.stepUp,
    approvalRequired: demanded.approvalRequired,
    idempotencyKeyRequired: demanded.idempotencyKeyRequired,
    ifMatchRequired: demanded.ifMatchRequired,
  };
}

export const profilePaths: DescribedPaths = {
  [`${apiPath}/me`]: {
    get: {
      operationId: 'readProfile',
      tag: 'caller',
      summary: 'Who I am and what I may do',
      description: 'So that a portal can show the right buttons.',
      who: 'user',
      answers: { 200: { description: 'The caller.', schema: profile } },
      problems: [],
    },
  },
};
