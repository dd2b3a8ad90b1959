import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { CallFailed, type ValidationIssue, type Failure } from '../../core/failure.ts';
import { contextOf } from '../middleware/request-context.ts';
import { bringsNoHttp, followedByNoHttp } from '../server/broken-requests.ts';
import { receiveBody } from './arriving-body.ts';
import { repeatedMember } from './repeated-member.ts';

/** The largest body any route takes, in bytes. */
const bodyLimit = 16 * 1024;

/** Begins to read the body as it arrives, whoever asks for it when. */
export const receiveBodies: RequestHandler = (request, response, next) => {
  contextOf(response).body = receiveBody(request, bodyLimit);
  next();
};

/** Text a person wrote, of at most `maximum` characters (code points) in any language. */
export const boundedText = (maximum: number) =>
  z
    .string('must be a string')
    .refine((value) => [...value].length <= maximum, `must have at most ${maximum} characters`)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be well-formed text without NUL')
    // JSON Schema counts code points too.
    .meta({ maxLength: maximum });

/** A query parameter that may be left out; what is not there is `null`. */
export const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.optional().transform((value) => value ?? null);

const maxLimit = 500;
const usualLimit = 50;

/** How many items of a list to give, as a query parameter. */
export const limit = z
  .string('must be given once')
  .regex(/^\d{1,4}$/, 'must be a whole number')
  .transform(Number)
  .refine((value) => value >= 1 && value <= maxLimit, `must be from 1 to ${maxLimit}`)
  .default(usualLimit)
  .meta({
    description: 'How many to give.',
    // What a query says is text; what is meant is a number.
    override: ({ jsonSchema }: { jsonSchema: Record<string, unknown> }) => {
      delete jsonSchema.pattern;
      Object.assign(jsonSchema, { type: 'integer', minimum: 1, maximum: maxLimit, default: usualLimit });
    },
  });

/** Where a page begins, as a query parameter. */
export const cursor = optional(
  z
    .string('must be given once')
    .min(1)
    .max(200)
    .meta({ description: 'Where the page begins: `nextCursor` of the page before.' }),
);

/** The body as `schema` wants it; `null` where there is none. Waits for what of it is still to come, which is
 *  why nobody asks before the caller is known. Fails with `body_incomplete`, or with what else is wrong. */
export async function jsonBody<Schema extends z.ZodType>(
  request: Request,
  response: Response,
  schema: Schema,
): Promise<z.infer<Schema> | null> {
  const body = await contextOf(response).body;
  if (body.state === 'too_large') throw new CallFailed({ reason: 'body_too_large', limit: bodyLimit });
  if (body.state === 'incomplete') throw new CallFailed({ reason: 'body_incomplete' });
  if (bringsNoHttp(request.socket)) throw new CallFailed(followedByNoHttp);
  if (body.state === 'none') return null;
  requireMediaType(request);
  return validate(schema, parse(body.bytes));
}

function requireMediaType({ headers }: Request): void {
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    throw new CallFailed({
      reason: 'media_type_unsupported',
      detail: 'The body must not be compressed.',
    });
  }
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(headers['content-type'] ?? '')) {
    throw new CallFailed({
      reason: 'media_type_unsupported',
      detail: 'The body must be application/json in UTF-8, or there must be none.',
    });
  }
}

/** The query as `schema` wants it, from the first byte to the last. Fails with `request_invalid`: also for a
 *  parameter that is given twice, or that `schema` does not know, since it may have been meant to hold an act
 *  back. */
export function queryOf<Schema extends z.ZodType>(request: Request, schema: Schema): z.infer<Schema> {
  const parameters = queryParameters(request);
  const repeated = [...new Set(parameters.keys())].filter((name) => parameters.getAll(name).length > 1);
  if (repeated.length > 0) {
    const issues = repeated.map((name) => ({ field: shown(name), message: 'must be given once' }));
    throw new CallFailed({ reason: 'request_invalid', issues });
  }
  return validate(schema, Object.fromEntries(parameters));
}

/** Every parameter of the query, as the URL Standard reads it; Express's parsers stop at 1,000. */
export function queryParameters({ originalUrl }: Request): URLSearchParams {
  const at = originalUrl.indexOf('?');
  // With its question mark: the constructor takes one away, and a second one belongs to a name.
  return new URLSearchParams(at === -1 ? '' : originalUrl.slice(at));
}

/** A query without parameters. */
export const noQuery = z.strictObject({});

/** `value` as `schema` wants it. Fails with `request_invalid`, which names each field. */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CallFailed({ reason: 'request_invalid', issues: parsed.error.issues.flatMap(issuesOf) });
}

function issuesOf(issue: z.core.$ZodIssue): ValidationIssue[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return [{ field: path, message: issue.message }];
  return issue.keys.map((key) => ({ field: shown(key), message: 'is not something this call takes' }));
}

/** A name that is the caller's: as much of it as helps. */
function shown(name: string): string {
  return name.slice(0, 100);
}

function parse(bytes: Buffer): unknown {
  const text = textOf(bytes);
  try {
    const value: unknown = JSON.parse(text);
    const field = repeatedMember(text);
    if (field === null) return value;
    throw new CallFailed({
      reason: 'request_invalid',
      issues: [{ field: shown(field), message: 'must be given once' }],
    });
  } catch (error) {
    throw error instanceof SyntaxError ? new CallFailed(noJson) : error;
  }
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CallFailed(noJson);
  }
}

const noJson: Failure = { reason: 'body_not_json', detail: 'The body is not JSON in UTF-8.' };
