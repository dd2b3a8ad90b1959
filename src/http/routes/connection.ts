import { Router } from 'express';
import { z } from 'zod';
import type { World } from '../../core/call.ts';
import { disconnect } from '../../core/disconnect.ts';
import { readConnection } from '../../core/read-connection.ts';
import { checked, jsonBody, readBody } from '../request-body.ts';
import { callOf } from '../request-context.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

/** Text a person wrote, of at most `maximum` characters (code points) in any language. */
const words = (maximum: number) =>
  z
    .string('must be a string')
    .refine((value) => [...value].length <= maximum, `must have at most ${maximum} characters`)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be well-formed text without NUL');

const intentBody = z.strictObject(
  { reason: words(500).optional(), ticket: words(100).optional() },
  'must be a JSON object',
);
const noQuery = z.strictObject({});

/** Intune's ChromeOS connection, at the path where Graph has it. */
export function connectionRoutes(world: World): Router {
  const router = Router();

  router
    .route('/deviceManagement/chromeOSOnboardingSettings')
    .get(async (request, response) => {
      const { value, graph } = await readConnection(world, callOf(request, response));
      if (graph.requestId !== null) response.setHeader('request-id', graph.requestId);
      response.json({ value });
    })
    .all(methodNotAllowed('GET', 'HEAD'));

  router
    .route('/deviceManagement/chromeOSOnboardingSettings/disconnect')
    .post(readBody, async (request, response) => {
      const done = await disconnect(world, callOf(request, response), () => {
        // An unknown parameter is refused, not ignored: it may have been meant to hold the act back.
        checked(noQuery, request.query);
        const { reason, ticket } = jsonBody(response, intentBody) ?? {};
        return { reason: reason ?? null, ticket: ticket ?? null };
      });
      if (done.graph.requestId !== null) response.setHeader('request-id', done.graph.requestId);
      response.json({ value: done.value, operationId: done.operationId });
    })
    .all(methodNotAllowed('POST'));

  return router;
}
