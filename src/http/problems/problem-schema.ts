import { z } from 'zod';
import type { oas31, ZodOpenApiResponseObject, ZodOpenApiResponsesObject } from 'zod-openapi';
import { problemExamples } from '../openapi/examples.ts';
import { headersWith, type ResponseHeader } from '../openapi/headers.ts';
import { catalogue, type ProblemCode, problemCodes } from './catalogue.ts';
import type { ProblemRow } from './problem-row.ts';

export const problemCode = z.enum(problemCodes).meta({
  id: 'ProblemCode',
  description: 'The closed list of what can go wrong; `docs/errors` on this service tells what each means.',
});

/** What only problems of some codes have. */
export const furtherMembers = z
  .object(
    Object.assign({}, ...Object.values(catalogue).map(({ members = {} }: ProblemRow) => members)) as Record<
      string,
      z.ZodType
    >,
  )
  .partial().shape;

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
      .describe('By which this call is found in the log and in traces.'),
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
    ...furtherMembers,
  })
  .meta({
    id: 'Problem',
    description: 'Problem details (RFC 9457) that are at once an error as Microsoft Graph shapes it.',
  });

function headersOf(code: ProblemCode): ResponseHeader[] {
  const { headers = [] }: ProblemRow = catalogue[code];
  // `Allow` comes with a code that is described in words.
  return headers.filter((name) => name !== 'allow');
}

/** The answers by which a call with these codes can end badly, by status. */
export function problemResponses(possible: readonly ProblemCode[]): ZodOpenApiResponsesObject {
  const byStatus = Object.groupBy([...new Set(possible)], (code) => String(catalogue[code].status));
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
    description: these.map((code) => `\`${code}\`: ${catalogue[code].title}.`).join(' '),
    headers: headersWith(...new Set(these.flatMap(headersOf))),
    // The latter for clients that ask for it, and Microsoft's own.
    content: { 'application/problem+json': media, 'application/json': media },
  };
}
