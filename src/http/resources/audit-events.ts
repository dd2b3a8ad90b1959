import { Router } from 'express';
import { z } from 'zod';
import { eventKinds } from '../../core/audit/audit-event.ts';
import type { Dependencies } from '../../core/dependencies.ts';
import { readAudit } from '../../core/use-cases/read-audit.ts';
import { sendLargeJson } from '../answer/compressed.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { cursor, limit, optional, queryOf } from '../request/query.ts';
import { auditPage } from './audit-schemas.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

const time = (description: string) =>
  z.iso
    .datetime({ offset: true, error: 'must be an ISO 8601 time with a zone, such as 2026-01-31T00:00:00Z' })
    .meta({ description })
    .transform((value) => new Date(value));
const id = (description: string) => z.guid('must be a GUID').toLowerCase().meta({ description });

/** The filters of the trail. */
export const auditSelection = {
  from: optional(time('From this time on, inclusive.')),
  to: optional(time('Before this time, exclusive.')),
  actor: optional(id('The object id of who acted.')),
  event: optional(
    z
      .enum(eventKinds, `must be one of ${eventKinds.join(', ')}`)
      .meta({ description: 'What an event records: what was tried, done, refused or read.' }),
  ),
  operationId: optional(id('What an attempt and its outcome have in common.')),
  reads: z
    .enum(['true', 'false'], 'must be true or false')
    .default('true')
    .meta({
      description: '`false`: leaves out the events that only read.',
      override: ({ jsonSchema }: { jsonSchema: Record<string, unknown> }) => {
        delete jsonSchema.enum;
        Object.assign(jsonSchema, { type: 'boolean', default: true });
      },
    })
    .transform((value) => (value === 'false' ? (false as const) : null)),
};

const auditQuery = z.strictObject({ limit, cursor, ...auditSelection });

/** The audit trail, read-only. */
export function auditEventRoutes(dependencies: Dependencies): Router {
  const router = Router();
  router
    .route(`${apiPath}/audit/events`)
    .get(async (request, response) => {
      const page = await readAudit(dependencies, callOf(request, response), () =>
        queryOf(request, auditQuery),
      );
      await sendLargeJson(request, response, { events: page.events, nextCursor: page.nextCursor });
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}

export const auditEventPaths: DescribedPaths = {
  [`${apiPath}/audit/events`]: {
    get: {
      operationId: 'readAudit',
      tag: 'audit',
      summary: 'Read the audit trail',
      description:
        "The trail of the caller's own tenant and of no other. Reading it is itself on the record.",
      who: 'read_audit',
      params: { query: auditQuery },
      answers: { 200: { description: 'A page.', schema: auditPage } },
      problems: [],
    },
  },
};
