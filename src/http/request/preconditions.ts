import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import { CallFailed } from '../../core/failure.ts';
import type { IdempotencyKey } from '../../core/ports.ts';
import { valuesOf } from '../middleware/request-context.ts';

/** `If-Match`. */
export const ifMatchHeader = z
  .string()
  .trim()
  .regex(
    /^(?:\*|(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*)$/,
    'must be a list of entity tags in quotes, or * alone',
  );

/** The same, as it is described. */
export const ifMatch = ifMatchHeader
  .optional()
  .describe('The `ETag` of the connection the caller read; `*` is any. A weak one never matches.');

/** `Idempotency-Key`: a quoted string or a bare token. */
export const idempotencyKeyHeader = z
  .string()
  .regex(
    /^(?:"[\x21\x23-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255})$/,
    'must be given once, as 1 to 255 visible ASCII characters',
  );

/** `Prefer`: whatever is not understood is ignored. */
export const preferHeader = z.string();

/** The entity tags of `If-Match` (RFC 9110 13.1.1), `*` among them; `null` where there is none. A weak
 *  tag never matches, so it is kept and matches nothing. Fails with `request_invalid`. */
export function ifMatchOf(request: Request): string[] | null {
  const value = request.get('if-match');
  if (value === undefined) return null;
  return parseHeader('If-Match', ifMatchHeader, value).match(/\*|(?:W\/)?"[^"]*"/g);
}

/** The key of `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a quoted string or a bare
 *  token of 1 to 255 visible ASCII characters; `null` where there is none. `request` is what must be
 *  the same for the call to be a repetition. Fails with `request_invalid`. */
export function idempotencyKeyOf(request: Request, ...parts: readonly unknown[]): IdempotencyKey | null {
  const values = valuesOf(request, 'idempotency-key');
  const [value] = values;
  if (value === undefined) return null;
  // Two values are one too many, however each is written.
  const key = parseHeader('Idempotency-Key', idempotencyKeyHeader, values.length > 1 ? '' : value).replaceAll(
    '"',
    '',
  );
  const fingerprint = createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
  return { key, fingerprint };
}

/** Whether the caller has what that tag stands for (`If-None-Match`, RFC 9110 13.1.2). Express would not say
 *  so to a request with `Cache-Control: no-cache`, which browsers add where a script sends this header. */
export function ifNoneMatchMatches(request: Request, etag: string): boolean {
  const value = request.get('if-none-match');
  if (value === undefined) return false;
  return value.trim() === '*' || (value.match(/"[^"]*"/g)?.includes(etag) ?? false);
}

/** How long the caller wants to wait for a change, in milliseconds (`Prefer: wait`, RFC 7240 4.3). */
export function preferredWaitMs(request: Request, maximumMs: number): number {
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?(?=$|[,;\s])/i.exec(request.get('prefer') ?? '')?.[1];
  return seconds === undefined ? 0 : Math.min(Number(seconds) * 1000, maximumMs);
}

/** The value of a header, parsed with the schema. Fails with `request_invalid`. */
function parseHeader(field: string, schema: z.ZodType<string>, value: string): string {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const message = parsed.error.issues[0]?.message ?? 'is not valid';
  throw new CallFailed({ reason: 'request_invalid', issues: [{ field, message }] });
}
