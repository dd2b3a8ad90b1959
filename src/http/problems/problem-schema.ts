import { z } from 'zod';
import type { oas31, ZodOpenApiResponseObject, ZodOpenApiResponsesObject } from 'zod-openapi';
import { problemExamples } from '../openapi/examples.ts';
import { headersWith, type ResponseHeader } from '../openapi/headers.ts';
import { catalogue, type ProblemCode, problemCodes } from './catalogue.ts';
import type { ProblemRow } from './problem-row.ts';

export const problemCode = z.enum(problemCodes).meta({
  id: 'ProblemCode',
  description: 'The closed list of what can go wrong; `docs/errors` on this service explains each.',
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

const graphError = z
  .object({
    code: problemCode,
    message: z.string(),
    innerError: z
      .object({
        'request-id': z.string(),
        'client-request-id': z.guid(),
        date: z.iso.datetime(),
      })
      .meta({ id: 'GraphInnerError' }),
  })
  .meta({ id: 'GraphError', description: 'The same as Microsoft Graph shapes an error.' });

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
    error: graphError,
    ...furtherMembers,
  })
  .meta({
    id: 'Problem',
    description: 'Problem details (RFC 9457) that are at once an error as Microsoft Graph shapes it.',
  });

/** Answers of addresses that are no operation: the document's description mentions them. */
const ofNoOperation: readonly ProblemCode[] = ['not_found', 'method_not_allowed'];

type Status = (typeof catalogue)[ProblemCode]['status'];

// What generated clients call the answers with a status.
const names = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  408: 'RequestTimeout',
  409: 'Conflict',
  412: 'PreconditionFailed',
  413: 'ContentTooLarge',
  415: 'UnsupportedMediaType',
  422: 'UnprocessableContent',
  428: 'PreconditionRequired',
  429: 'TooManyRequests',
  431: 'HeadersTooLarge',
  500: 'InternalError',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
} as const satisfies Record<Status, string>;

type CodesByStatus = { readonly [status in Status]?: readonly ProblemCode[] };

/** Sorts codes by the status that they come with. */
export function byStatus(codes: readonly ProblemCode[]): CodesByStatus {
  return Object.groupBy([...new Set(codes)], (code) => catalogue[code].status);
}

/** The answers by which calls can end badly, one for each status, by name: so that the document, and what is
 *  generated from it, has each once. */
export const sharedProblemResponses = Object.fromEntries(
  eachStatus(byStatus(problemCodes.filter((code) => !ofNoOperation.includes(code)))).map(
    ([status, codes]) => [names[status], sharedResponse(status, codes)],
  ),
);

/** References to those with which a call with these codes can end, each with the codes that it can have. */
export function problemResponses(possible: readonly ProblemCode[]): ZodOpenApiResponsesObject {
  return Object.fromEntries(
    eachStatus(byStatus(possible)).map(([status, codes]) => [
      String(status),
      { $ref: `#/components/responses/${names[status]}`, description: descriptionOf(codes) },
    ]),
  );
}

function eachStatus(codes: CodesByStatus): [Status, readonly ProblemCode[]][] {
  return Object.entries(codes).map(([status, these]) => [Number(status) as Status, these]);
}

function descriptionOf(codes: readonly ProblemCode[]): string {
  return codes.map((code) => `\`${code}\`: ${catalogue[code].title}.`).join(' ');
}

function headersOf(code: ProblemCode): ResponseHeader[] {
  const { headers = [] }: ProblemRow = catalogue[code];
  // `Allow` comes with a code of no operation.
  return headers.filter((name) => name !== 'allow');
}

function sharedResponse(status: Status, codes: readonly ProblemCode[]): ZodOpenApiResponseObject {
  const examples = Object.fromEntries(
    codes
      .filter((code) => code in problemExamples)
      .map((code) => [code, { $ref: `#/components/examples/${code}` }]),
  );
  const schema: oas31.ReferenceObject = { $ref: '#/components/schemas/Problem' };
  const media = { schema, ...(Object.keys(examples).length > 0 && { examples }) };
  return {
    description: `A problem, with one of the codes that the operation lists for ${status}.`,
    headers: headersWith(...new Set(codes.flatMap(headersOf))),
    // The latter for clients that ask for it, and Microsoft's own.
    content: { 'application/problem+json': media, 'application/json': media },
  };
}
