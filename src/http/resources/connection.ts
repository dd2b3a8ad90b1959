import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../../core/dependencies.ts';
import type { DisconnectRequest } from '../../core/operation/slot.ts';
import { type DisconnectReply, disconnect } from '../../core/use-cases/disconnect.ts';
import { type DryRun, dryRun } from '../../core/use-cases/dry-run.ts';
import { readConnection } from '../../core/use-cases/read-connection.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import { operationPath } from '../problems/answers.ts';
import { ifNoneMatchMatches, idempotencyKeyOf, ifMatchOf } from '../request/preconditions.ts';
import { jsonBody, noQuery, queryOf, queryParameters, boundedText } from '../request/request-body.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

export const intentBody = z.strictObject(
  {
    reason: boundedText(500).optional().describe('Why, in the words of the one who asks; recorded, never sent on.'),
    ticket: boundedText(100).optional().describe('The ticket this belongs to; recorded, never sent on.'),
    supersedes: z
      .guid('must be the id of an operation')
      .toLowerCase()
      .optional()
      .describe('The operation of unknown end that this one takes over from.'),
  },
  'must be a JSON object',
);

export const disconnectQuery = z.strictObject({
  dryRun: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .describe('`true`: do everything but the act, and tell what the call would do.'),
});

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

  router
    .route(`${apiPath}/deviceManagement/chromeOSOnboardingSettings/disconnect`)
    .post(async (request, response) => {
      const readRequest = () => disconnectRequestOf(request, response);
      const call = callOf(request, response);
      if (asksForDryRun(request)) {
        sendDryRun(response, await dryRun(dependencies, call, readRequest));
      } else {
        sendReply(response, await disconnect(dependencies, call, readRequest));
      }
    })
    .all(methodNotAllowed('POST'));

  return router;
}

/** Whoever says dryRun in any form must not disconnect; whether the value is right is judged later. */
function asksForDryRun(request: Request): boolean {
  return queryParameters(request)
    .getAll('dryRun')
    .some((value) => value !== 'false');
}

async function disconnectRequestOf(request: Request, response: Response): Promise<DisconnectRequest> {
  queryOf(request, disconnectQuery);
  const {
    reason = null,
    ticket = null,
    supersedes = null,
  } = (await jsonBody(request, response, intentBody)) ?? {};
  const ifMatch = ifMatchOf(request);
  const idempotency = idempotencyKeyOf(request, 'disconnect', reason, ticket, supersedes, ifMatch);
  return { reason, ticket, supersedes, ifMatch, idempotency };
}

/** Answers a disconnect: `202` where it waits for an approval, `200` with what Graph said otherwise. What
 *  Graph's word does not tell is said besides it. */
export function sendReply(response: Response, reply: DisconnectReply): void {
  const { operation, outcome, replayed } = reply;
  const { status, value, concludedFrom, graphRequestId } = outcome;
  response.setHeader('location', operationPath(operation.id));
  if (replayed) {
    response.setHeader('idempotency-replayed', 'true');
    response.setHeader('client-request-id', reply.requestId);
  }
  if (graphRequestId !== null) response.setHeader('request-id', graphRequestId);
  if (status === 'awaiting_approval') {
    response.status(202);
    sendJson(response, { operationId: operation.id, status, expiresAt: operation.expiresAt });
    return;
  }
  sendJson(response, {
    // Where the connection is gone there is no status to read any more.
    value: value ?? 'unknown',
    operationId: operation.id,
    ...(status === 'accepted' ? {} : { status }),
    ...(concludedFrom === 'reading' ? { concludedFrom: 'reading' } : {}),
  });
}

const consequences = {
  disconnect:
    "Intune's connection to Google's ChromeOS management would be ended. All ChromeOS devices and the connector's settings would leave Intune. This can not be undone.",
  ask_for_approval:
    'Nothing would be sent yet: a second person would be asked to approve, and you would then execute it.',
  be_refused: 'The call would be refused, and nothing would be done.',
} as const;

function sendDryRun(response: Response, { checks, connection, would }: DryRun): void {
  if (connection !== null) response.setHeader('etag', connection.seen.etag);
  sendJson(response, {
    dryRun: true,
    would,
    consequence: consequences[would],
    checks,
    connection: connection?.value[0] ?? null,
  });
}
