import { z } from 'zod';
import type { oas31, ZodOpenApiResponseObject, ZodOpenApiResponsesObject } from 'zod-openapi';
import { problemExamples } from '../openapi/examples.ts';
import { headersWith, type ResponseHeader } from '../openapi/headers.ts';
import { type ProblemCode, texts } from './problem-texts.ts';

const codes = Object.keys(texts) as ProblemCode[];

export const problemCode = z.enum(codes).meta({
  id: 'ProblemCode',
  description: 'The closed list of what can go wrong; `docs/errors` on this service tells what each means.',
});

export const problem = z
  .object({
    type: z
      .string()
      .regex(/^\/docs\/errors#\w+$/)
      .describe('Leads to what the code means, on this service.'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().describe('The request id as a URN.'),
    code: problemCode,
    requestId: z.guid().describe('To give to the operators; the same as `client-request-id`.'),
    traceId: z
      .string()
      .regex(/^[0-9a-f]{32}$/)
      .describe('Under which this call stands in the log and in traces.'),
    hint: z.string().describe('What to do about it.'),
    error: z
      .object({
        code: problemCode,
        message: z.string(),
        innerError: z.object({
          'request-id': z.string(),
          'client-request-id': z.guid(),
          date: z.iso.datetime(),
        }),
      })
      .describe('The same as Microsoft Graph shapes an error.'),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe('With `request_invalid`: each field or parameter that is wrong.'),
    consentUrl: z
      .url()
      .optional()
      .describe('With `consent_required`: where an administrator of the tenant can grant it.'),
    approvalCode: z
      .guid()
      .optional()
      .describe('With `intune_approval_filed`: under which Intune knows the request for approval.'),
    operationId: z.guid().optional().describe('The operation it is about.'),
    operation: z.string().optional().describe('Where that operation can be read.'),
  })
  .meta({
    id: 'Problem',
    description: 'Problem details (RFC 9457) that are at once an error as Microsoft Graph shapes it.',
  });

const afterAWhile: readonly ProblemCode[] = [
  'idempotency_key_in_use',
  'signing_keys_unavailable',
  'identity_throttled',
  'identity_unavailable',
  'graph_throttled',
  'graph_unavailable',
  'not_sent_in_time',
  'rate_limited',
  'overloaded',
  'audit_unavailable',
];
const aboutAnOperation: readonly ProblemCode[] = [
  'outcome_unknown',
  'intune_approval_filed',
  'operation_in_progress',
  'operation_not_allowed',
];
const challenging: readonly ProblemCode[] = [
  'token_missing',
  'invalid_token',
  'insufficient_claims',
  'graph_token_rejected',
  'insufficient_scope',
  'portal_not_allowed',
  'guest_not_allowed',
  'role_missing',
];

function headersOf(code: ProblemCode): ResponseHeader[] {
  const names: ResponseHeader[] = [];
  if (challenging.includes(code)) names.push('www-authenticate');
  if (afterAWhile.includes(code)) names.push('retry-after');
  if (aboutAnOperation.includes(code)) names.push('location');
  const mayBeDone = code === 'outcome_unknown' || code === 'intune_approval_filed';
  if (code.startsWith('graph_') || code.startsWith('intune_') || mayBeDone) names.push('request-id');
  if (mayBeDone) names.push('idempotency-replayed');
  if (code === 'media_type_unsupported') names.push('accept');
  return names;
}

/** The answers by which a call with these codes can end badly, by status. */
export function problemResponses(possible: readonly ProblemCode[]): ZodOpenApiResponsesObject {
  const byStatus = Object.groupBy([...new Set(possible)], (code) => String(texts[code].status));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, these = []]) => [status, problemResponse(Number(status), these)]),
  );
}

function problemResponse(status: number, these: readonly ProblemCode[]): ZodOpenApiResponseObject {
  const schema: oas31.SchemaObject = {
    allOf: [
      { $ref: '#/components/schemas/Problem' },
      { type: 'object', properties: { status: { const: status }, code: { enum: [...these] } } },
    ],
  };
  const examples = Object.fromEntries(
    these
      .filter((code) => code in problemExamples)
      .map((code) => [code, { $ref: `#/components/examples/${code}` }]),
  );
  const media = { schema, ...(Object.keys(examples).length > 0 && { examples }) };
  return {
    description: these.map((code) => `\`${code}\`: ${texts[code].title}.`).join(' '),
    headers: headersWith(...new Set(these.flatMap(headersOf))),
    // The latter for clients that ask for it, and Microsoft's own.
    content: { 'application/problem+json': media, 'application/json': media },
  };
}
