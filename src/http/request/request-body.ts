import express, { type Request, type Response } from 'express';
import { z } from 'zod';
import { CallFailed, type Complaint, type Failure } from '../../core/failure.ts';

/** The largest body any route takes, in bytes. */
const bodyLimit = 16 * 1024;

// Compressed bodies are refused: none of ours is large enough to be worth it.
const readBytes = express.raw({ type: () => true, limit: bodyLimit, inflate: false });

/** Text a person wrote, of at most `maximum` characters (code points) in any language. */
export const words = (maximum: number) =>
  z
    .string('must be a string')
    .refine((value) => [...value].length <= maximum, `must have at most ${maximum} characters`)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be well-formed text without NUL')
    // JSON Schema counts code points too.
    .meta({ maxLength: maximum });

/** A query parameter that may be left out; what is not there is `null`. */
export const maybe = <Schema extends z.ZodType>(schema: Schema) =>
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
export const cursor = maybe(
  z
    .string('must be given once')
    .min(1)
    .max(200)
    .meta({ description: 'Where the page begins: `nextCursor` of the page before.' }),
);

/** The body as `schema` wants it; `null` where there is none (no bytes, whatever the content type or
 *  coding). Reads it only now, when the caller is known: a stranger's slow body must not hold a place.
 *  Fails with what is wrong with it. */
export async function jsonBody<Schema extends z.ZodType>(
  request: Request,
  response: Response,
  schema: Schema,
): Promise<z.infer<Schema> | null> {
  if (request.get('content-length') === '0') return null;
  const bytes = await read(request, response);
  if (bytes.length === 0) return null;
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(request.get('content-type') ?? '')) {
    throw new CallFailed({
      reason: 'media_type_unsupported',
      complaint: 'The body must be application/json in UTF-8, or empty.',
    });
  }
  return checked(schema, parse(bytes));
}

/** A query without parameters: an unknown one is refused, not ignored, since it may have been meant to hold
 *  an act back. */
export const noQuery = z.strictObject({});

function read(request: Request, response: Response): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    readBytes(request, response, (error?: unknown) => {
      if (error !== undefined) reject(new CallFailed(failureOfBody(error), { cause: error }));
      else resolve(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
    });
  });
}

/** `value` as `schema` wants it. Fails with `request_invalid`, which names each field. */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CallFailed({ reason: 'request_invalid', complaints: parsed.error.issues.flatMap(complaintsOf) });
}

function complaintsOf(issue: z.core.$ZodIssue): Complaint[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return [{ field: path, message: issue.message }];
  // The name is the caller's: as much of it as helps.
  return issue.keys.map((key) => ({ field: key.slice(0, 100), message: 'is not something this call takes' }));
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new CallFailed({ reason: 'body_not_json', complaint: 'The body is not JSON in UTF-8.' });
  }
}

function failureOfBody(error: unknown): Failure {
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : null;
  switch (type) {
    case 'entity.too.large':
      return { reason: 'body_too_large', limit: bodyLimit };
    case 'encoding.unsupported':
      return { reason: 'media_type_unsupported', complaint: 'The body must not be compressed.' };
    default:
      return { reason: 'body_not_json', complaint: 'The body could not be read.' };
  }
}
