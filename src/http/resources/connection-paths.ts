import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { apiPath } from '../api-path.ts';
import { described, fromGraph, type Installation, onBehalfOf, withBody } from '../openapi/described.ts';
import { idempotencyKeyHeader, ifMatchHeader } from '../request/preconditions.ts';
import { disconnectQuery, intentBody } from './connection.ts';
import { awaitingApproval, connectionList, disconnected, dryRun } from './operation-schemas.ts';

const tag = 'connection';

export const ifMatch = ifMatchHeader
  .optional()
  .describe('The `ETag` of the connection the caller looked at; `*` is any. A weak one never matches.');

const ifNoneMatch = z
  .string()
  .optional()
  .describe('The `ETag` of what the caller has: `304` and no body while that is what Graph shows.');

const idempotencyKey = idempotencyKeyHeader
  .optional()
  .describe(
    'A fresh key, such as a UUID, for each intent, and the same one with its repetitions: those hear the first answer (draft-ietf-httpapi-idempotency-key-header).',
  );

/** Why an act is not done, or not known to be. */
export const actProblems = [
  ...onBehalfOf,
  ...fromGraph,
  ...withBody,
  'not_sent_in_time',
  'precondition_required',
  'disconnect_disabled',
  'history_lost',
  'not_connected',
  'connection_changed',
  'operation_not_found',
  'outcome_unknown',
  'intune_approval_required',
  'intune_approval_pending',
  'intune_approval_filed',
] as const;

/** The paths that end as Graph's do. */
export function connectionPaths(installation: Installation): ZodOpenApiPathsObject {
  return {
    [`${apiPath}/deviceManagement/chromeOSOnboardingSettings`]: {
      get: described(installation, {
        operationId: 'readConnection',
        tag,
        summary: 'Read the connection',
        description:
          'The connection as Graph shapes it, read on behalf of the caller. What is seen settles an operation whose end was open. The `ETag` stands for everything Graph showed: send it in `If-Match` with a disconnect.',
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
      }),
    },
    [`${apiPath}/deviceManagement/chromeOSOnboardingSettings/disconnect`]: {
      post: described(installation, {
        operationId: 'disconnect',
        tag,
        summary: 'Disconnect, once',
        description:
          "Ends Intune's connection to Google's ChromeOS management: all ChromeOS devices and the connector's settings leave Intune, and nothing brings them back. With every problem but `outcome_unknown` and `intune_approval_filed` (and a defect, `internal_error`) it is certain that nothing was done. These must not be repeated: watch the operation. An unknown query parameter is refused, since it may have been meant to hold the act back.",
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
            description: 'Graph took it on; or, with `dryRun=true`, what the call would do.',
            headers: ['location', 'request-id', 'idempotency-replayed', 'etag'],
            schema: z.union([disconnected, dryRun]),
          },
          202: {
            description: 'The tenant demands a second person: the operation waits for an approval.',
            headers: ['location', 'idempotency-replayed'],
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
      }),
    },
  };
}
