import type { Request } from 'express';
import { z } from 'zod';
import { CallFailed } from '../../core/failure.ts';
import { shown, validate } from './validate.ts';

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
    description: 'How many to return.',
    // A query holds text; a number is meant.
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

/** A query without parameters. */
export const noQuery = z.strictObject({});

/** The query, parsed with `schema`, from the first byte to the last. Fails with `request_invalid`: also for a
 *  parameter that is given twice, or that `schema` does not know, since it may have been meant to hold an act
 *  back. */
export function queryOf<Schema extends z.ZodType>(request: Request, schema: Schema): z.infer<Schema> {
  const parameters = queryParameters(request);
  const names = new Set<string>();
  for (const name of parameters.keys()) {
    if (names.has(name)) {
      const issues = [{ field: shown(name), message: 'must be given once' }];
      throw new CallFailed({ reason: 'request_invalid', issues });
    }
    names.add(name);
  }
  return validate(schema, Object.fromEntries(parameters));
}

/** Every parameter of the query, as the URL Standard reads it; Express's parsers stop at 1,000. */
export function queryParameters({ originalUrl }: Request): URLSearchParams {
  const at = originalUrl.indexOf('?');
  // With its question mark: the constructor takes one away, and a second one belongs to a name.
  return new URLSearchParams(at === -1 ? '' : originalUrl.slice(at));
}
