import { Router } from 'express';
import { z } from 'zod';
import { eventKinds } from '../../core/audit-event.ts';
import type { World } from '../../core/call.ts';
import { readAudit } from '../../core/read-audit.ts';
import { apiPath } from '../api-path.ts';
import { checked, cursor, limit } from '../request-body.ts';
import { callOf } from '../request-context.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

const time = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 time with a zone, such as 2026-01-31T00:00:00Z' })
  .transform((value) => new Date(value));
const id = z.guid('must be a GUID').toLowerCase();

/** The filters of the trail. */
export const auditSelection = {
  from: time.nullable().default(null),
  to: time.nullable().default(null),
  actor: id.nullable().default(null),
  event: z
    .enum(eventKinds, `must be one of ${eventKinds.join(', ')}`)
    .nullable()
    .default(null),
  operationId: id.nullable().default(null),
};

// An unknown filter is refused, not ignored: an auditor must not take everything for a selection.
const auditQuery = z.strictObject({ limit, cursor, ...auditSelection });

/** The audit trail, read-only. */
export function auditRoutes(world: World): Router {
  const router = Router();
  router
    .route(`${apiPath}/audit/events`)
    .get(async (request, response) => {
      const page = await readAudit(world, callOf(request, response), () =>
        checked(auditQuery, request.query),
      );
      response.json({ events: page.events, nextCursor: page.nextCursor });
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}
