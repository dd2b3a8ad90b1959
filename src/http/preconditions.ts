import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { CallFailed } from '../core/failure.ts';
import type { IdempotencyKey } from '../core/ports.ts';

/** The entity tags of `If-Match` (RFC 9110 13.1.1), `*` among them; `null` where there is none. A weak
 *  tag never matches, so it is kept and matches nothing. Fails with `request_invalid`. */
export function ifMatchOf(request: Request): string[] | null {
  const value = request.get('if-match');
  if (value === undefined) return null;
  if (value.trim() === '*') return ['*'];
  if (/^(?:W\/)?"[^"]*"(?:\s*,\s*(?:W\/)?"[^"]*")*$/.test(value.trim())) {
    return value.match(/(?:W\/)?"[^"]*"/g) ?? [];
  }
  throw invalid('If-Match', 'must be a list of entity tags in quotes, or * alone');
}

/** The key of `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a quoted string or a bare
 *  token of 1 to 255 visible ASCII characters; `null` where there is none. `request` is what must be
 *  the same for the call to be a repetition. Fails with `request_invalid`. */
export function idempotencyKeyOf(request: Request, ...parts: readonly unknown[]): IdempotencyKey | null {
  const values = request.headersDistinct['idempotency-key'] ?? [];
  const [value] = values;
  if (value === undefined) return null;
  const key = /^"([\x21\x23-\x7e]{1,255})"$/.exec(value)?.[1] ?? /^[\x21\x23-\x7e]{1,255}$/.exec(value)?.[0];
  if (key === undefined || values.length > 1) {
    throw invalid('Idempotency-Key', 'must be given once, as 1 to 255 visible ASCII characters');
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
  return { key, fingerprint };
}

/** How long the caller wants to wait for a change, in milliseconds (`Prefer: wait`, RFC 7240 4.3). */
export function preferredWaitMs(request: Request, maximumMs: number): number {
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?(?=$|[,;\s])/i.exec(request.get('prefer') ?? '')?.[1];
  return seconds === undefined ? 0 : Math.min(Number(seconds) * 1000, maximumMs);
}

function invalid(field: string, message: string): CallFailed {
  return new CallFailed({ reason: 'request_invalid', complaints: [{ field, message }] });
}
