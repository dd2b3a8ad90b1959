import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { apiPath } from '../api-path.ts';
import { described, type Installation, withBody } from '../openapi/described.ts';
import { preferHeader } from '../request/preconditions.ts';
import { actProblems, ifMatch } from './connection-paths.ts';
import { disconnected, operation, operationNow, operationPage } from './operation-schemas.ts';
import { decision, emptyBody, operationsQuery, pathId } from './operations.ts';

const tag = 'operations';

/** What became of each disconnect, and what two people decide about one. */
export function operationPaths(installation: Installation): ZodOpenApiPathsObject {
  return {
    [`${apiPath}/operations`]: {
      get: described(installation, {
        operationId: 'listOperations',
        tag,
        summary: "List the tenant's operations",
        description: 'Newest first. Nothing is read from Graph for it.',
        who: 'read_connection',
        params: { query: operationsQuery },
        answers: { 200: { description: 'A page.', schema: operationPage } },
        problems: [],
      }),
    },
    [`${apiPath}/operations/{id}`]: {
      get: described(installation, {
        operationId: 'readOperation',
        tag,
        summary: 'What became of a disconnect',
        description:
          'Where its end is open, Graph is read on behalf of the caller, no more often than every few seconds whoever asks, and what is seen may settle it.',
        who: 'read_connection',
        params: {
          path: pathId,
          header: z.object({
            Prefer: preferHeader
              .optional()
              .describe(
                '`wait=20`: answer when the status changes, after so many seconds at the latest (RFC 7240; 30 at most).',
              ),
          }),
        },
        answers: {
          200: {
            description:
              'The operation. `Retry-After` tells when there may be news; without it there will be none.',
            headers: ['retry-after', 'preference-applied'],
            schema: operationNow,
          },
        },
        problems: ['operation_not_found', 'insufficient_claims'],
      }),
    },
    [`${apiPath}/operations/{id}/approve`]: {
      post: decide(installation, {
        operationId: 'approve',
        summary: 'Approve a disconnect',
        description:
          'The second person agrees. Nothing is sent yet: the requester executes it. The one who approves needs no right in Intune and never acts there.',
      }),
    },
    [`${apiPath}/operations/{id}/reject`]: {
      post: decide(installation, {
        operationId: 'reject',
        summary: 'Reject a disconnect',
        description: 'The second person refuses, which ends the operation.',
      }),
    },
    [`${apiPath}/operations/{id}/execute`]: {
      post: described(installation, {
        operationId: 'execute',
        tag,
        summary: 'Execute an approved disconnect',
        description:
          'The one who asked for it runs it, with a fresh sign-in. From there on it is as *disconnect* is: with every problem but `outcome_unknown` and `intune_approval_filed` (and a defect, `internal_error`) it is certain that nothing was done.',
        who: 'disconnect',
        params: { path: pathId, header: z.object({ 'If-Match': ifMatch }) },
        body: { description: 'Nothing, or `{}`.', required: false, schema: emptyBody },
        answers: {
          200: {
            description: 'Graph took it on.',
            headers: ['location', 'request-id'],
            schema: disconnected,
          },
        },
        problems: [...actProblems, 'operation_not_allowed', 'not_the_requester'],
      }),
    },
  };
}

function decide(
  installation: Installation,
  rest: { readonly operationId: string; readonly summary: string; readonly description: string },
) {
  return described(installation, {
    ...rest,
    tag,
    who: 'approve',
    params: { path: pathId },
    body: { description: 'Why.', required: true, schema: decision },
    answers: { 200: { description: 'The operation as it stands now.', schema: operation } },
    problems: [...withBody, 'own_approval', 'operation_not_found', 'operation_not_allowed'],
  });
}
