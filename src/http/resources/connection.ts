import { Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../../core/dependencies.ts';
import { type ConnectionState, knownStatuses } from '../../core/operation/connection.ts';
import { readConnection } from '../../core/use-cases/read-connection.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { fromGraph, onBehalfOf } from '../problems/possible.ts';
import { ifNoneMatchMatches } from '../request/preconditions.ts';
import { noQuery, queryOf } from '../request/query.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

export const onboardingStatus = `\`chromeOSOnboardingStatus\` as Graph says it: ${knownStatuses.map((word) => `\`${word}\``).join(', ')}, or a word it learns later.`;

/** The connection as Graph shapes it. Graph may show more, and that is passed on. */
export const connection = z
  .looseObject({
    id: z.string(),
    ownerUserPrincipalName: z.string().nullish(),
    onboardingStatus: z.string().describe(onboardingStatus),
    lastModifiedDateTime: z.string().nullish(),
    lastDirectorySyncDateTime: z.string().nullish(),
  })
  .meta({
    id: 'Connection',
    description:
      "The tenant's connection to Google's ChromeOS management, as Microsoft Graph shapes a `chromeOSOnboardingSettings`. What else Graph shows is passed on.",
  });

const connectionList = z
  .object({ value: z.array(connection).describe('At most one: a tenant has one connection.') })
  .meta({ id: 'ConnectionList' });

export const connectionState = z
  .object({
    id: z.string(),
    owner: z
      .string()
      .nullable()
      .describe('Who connected it; `null` where Graph names nobody, or names are not kept here.'),
    status: z.string().describe(onboardingStatus),
    lastModified: z.string().nullable().describe('Since when it is as it is, as Graph says.'),
    lastDirectorySync: z.string().nullable(),
  })
  .meta({
    id: 'ConnectionState',
    description: 'The connection as it was seen before the act.',
  }) satisfies z.ZodType<ConnectionState>;

const ifNoneMatch = z
  .string()
  .optional()
  .describe('The `ETag` of what the caller has: `304` and no body while that is what Graph shows.');

/** Intune's ChromeOS connection, at the path where Graph has it. */
export function connectionRoutes(dependencies: Dependencies): Router {
  const router = Router();
  router
    .route(`${apiPath}/deviceManagement/chromeOSOnboardingSettings`)
    .get(async (request, response) => {
      const { value, seen, graph } = await readConnection(dependencies, callOf(request, response), () =>
        queryOf(request, noQuery),
      );
      if (graph.requestId !== null) response.setHeader('request-id', graph.requestId);
      response.setHeader('etag', seen.etag);
      if (ifNoneMatchMatches(request, seen.etag)) response.status(304).end();
      else sendJson(response, { value });
    })
    .all(methodNotAllowed('GET', 'HEAD'));
  return router;
}

export const connectionPaths: DescribedPaths = {
  [`${apiPath}/deviceManagement/chromeOSOnboardingSettings`]: {
    get: {
      operationId: 'readConnection',
      tag: 'connection',
      summary: 'Read the connection',
      description:
        'The connection as Graph shapes it, read on behalf of the caller. What it shows settles an operation whose outcome was not known yet. The `ETag` stands for everything Graph showed: send it in `If-Match` with a disconnect.',
      who: 'read_connection',
      params: { header: z.object({ 'If-None-Match': ifNoneMatch }) },
      answers: {
        200: {
          description: 'What Graph shows.',
          headers: ['etag', 'request-id'],
          schema: connectionList,
        },
        304: {
          description: 'Graph shows what the caller has already.',
          headers: ['etag', 'request-id'],
          schema: null,
        },
      },
      problems: [...onBehalfOf, ...fromGraph],
    },
  },
};
