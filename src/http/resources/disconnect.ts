import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../../core/dependencies.ts';
import { consequenceOf } from '../../core/operation/consequence.ts';
import type { DisconnectRequest } from '../../core/operation/slot.ts';
import { type DisconnectReply, disconnect } from '../../core/use-cases/disconnect.ts';
import { type DryRun, type DryRunCheck, dryRun } from '../../core/use-cases/dry-run.ts';
import { sendJson } from '../answer/json.ts';
import { apiPath } from '../api-path.ts';
import { callOf } from '../middleware/request-context.ts';
import type { DescribedPaths } from '../openapi/description.ts';
import { explained, operationPath } from '../problems/answers.ts';
import { actProblems } from '../problems/possible.ts';
import { jsonBody } from '../request/json-body.ts';
import { idempotencyKeyHeader, idempotencyKeyOf, ifMatch, ifMatchOf } from '../request/preconditions.ts';
import { queryOf, queryParameters } from '../request/query.ts';
import { boundedText } from '../request/validate.ts';
import { awaitingApproval, disconnected, dryRunResult, notCheckable } from './disconnect-schemas.ts';
import { methodNotAllowed } from './method-not-allowed.ts';

const intentBody = z.strictObject(
  {
    reason: boundedText(500)
      .optional()
      .describe(
        'Why, in the words of the one who asks; recorded. Sent on only to Intune, where it demands a justification.',
      ),
    ticket: boundedText(100)
      .optional()
      .describe('The ticket this belongs to; recorded, and sent on with the reason only.'),
    supersedes: z
      .guid('must be the id of an operation')
      .toLowerCase()
      .optional()
      .describe('The operation with an unknown outcome that this one takes over from.'),
  },
  'must be a JSON object',
);

const disconnectQuery = z.strictObject({
  dryRun: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .meta({
      description: '`true`: do everything but the act, and tell what the call would do.',
      // A boolean in a URL is one of these two strings.
      override: ({ jsonSchema }) => {
        delete jsonSchema.enum;
        Object.assign(jsonSchema, { type: 'boolean', default: false });
      },
    }),
});

const idempotencyKey = idempotencyKeyHeader
  .optional()
  .describe(
    'A fresh key, such as a UUID, for each intent, and the same one with its repetitions: those get the first answer (draft-ietf-httpapi-idempotency-key-header).',
  );

/** Its route, as metrics and logs name it. */
export const disconnectRoute = `${apiPath}/deviceManagement/chromeOSOnboardingSettings/disconnect`;

/** The act, and what it would do. */
export function disconnectRoutes(dependencies: Dependencies): Router {
  const router = Router();
  router
    .route(disconnectRoute)
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

/** A request with dryRun in any form must not disconnect; whether its value is valid is checked later. */
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

/** Answers a disconnect: `202` where it waits for an approval, here or in Intune, `200` with what Graph said otherwise.
 *  What Graph's answer does not say is added. */
export function sendReply(response: Response, reply: DisconnectReply): void {
  const { operation, outcome, replayed } = reply;
  const { status, value, concludedFrom, graphRequestId, approvalCode } = outcome;
  response.setHeader('location', operationPath(operation.id));
  if (replayed) {
    response.setHeader('idempotency-replayed', 'true');
    response.setHeader('client-request-id', reply.requestId);
  }
  if (graphRequestId !== null) response.setHeader('request-id', graphRequestId);
  if (status === 'awaiting_approval' || status === 'awaiting_intune_approval') {
    response.status(202);
    const { id: operationId, expiresAt } = operation;
    sendJson(response, { operationId, status, expiresAt, ...(approvalCode && { approvalCode }) });
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

function sendDryRun(response: Response, { checks, connection, would }: DryRun): void {
  if (connection !== null) response.setHeader('etag', connection.seen.etag);
  sendJson(response, {
    dryRun: true,
    would,
    ...consequenceOf(would),
    checks: checks.map(shownCheck),
    connection: connection?.value[0] ?? null,
  });
}

function shownCheck(check: DryRunCheck): object {
  const { name, result } = check;
  switch (result) {
    case 'passed':
      return { name, result, code: null };
    case 'failed':
      return { name, result, ...explained(check.failure) };
    case 'not_checkable':
      return { name, result, code: check.because, ...notCheckable[check.because] };
  }
}

export const disconnectPaths: DescribedPaths = {
  [disconnectRoute]: {
    post: {
      operationId: 'disconnect',
      tag: 'connection',
      summary: 'Disconnect, once',
      description:
        "Ends Intune's connection to Google's ChromeOS management: all ChromeOS devices and the connector's settings leave Intune, and nothing brings them back. With every problem but `outcome_unknown` and `intune_approval_filed` (and a defect, `internal_error`) it is certain that nothing was done. These must not be repeated: watch the operation. An unknown query parameter is refused, since it may be a misspelled `dryRun`.",
      who: 'disconnect',
      params: {
        query: disconnectQuery,
        header: z.object({ 'Idempotency-Key': idempotencyKey, 'If-Match': ifMatch }),
      },
      body: {
        description: 'Why, for the record. A tenant may demand a reason and a ticket.',
        required: false,
        schema: intentBody.meta({ id: 'DisconnectRequest' }),
      },
      answers: {
        200: {
          description: 'Graph accepted it; or, with `dryRun=true`, what the call would do.',
          headers: ['location', 'request-id', 'idempotency-replayed', 'etag'],
          schema: z.union([disconnected, dryRunResult]),
        },
        202: {
          description:
            'The tenant demands a second person, or an approval in Intune: the operation waits for it.',
          headers: ['location', 'request-id', 'idempotency-replayed'],
          schema: awaitingApproval,
        },
      },
      problems: [
        ...actProblems,
        'idempotency_key_required',
        'idempotency_key_reused',
        'idempotency_key_in_use',
        'operation_in_progress',
      ],
    },
  },
};
