import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { Operation } from '../../core/operation/operation.ts';
import type { AsSeen } from '../../core/use-cases/waiting-operation.ts';
import { ifMatchHeader, ifMatchOf } from '../request/preconditions.ts';
import { nowShown } from './operation-schemas.ts';

/** A strong validator (RFC 9110 8.8.1) over all that a read of the operation shows. */
export function operationEtag(shown: ReturnType<typeof nowShown>): string {
  return `"${createHash('sha256').update(JSON.stringify(shown)).digest('base64url')}"`;
}

/** What `If-Match` says of the operation the caller read; `null` where there is none. Fails with
 *  `request_invalid`. */
export function asSeenOf(request: Request): AsSeen {
  const tags = ifMatchOf(request);
  if (tags === null) return null;
  if (tags.includes('*')) return () => true;
  // Graph is read only for what was sent, and that waits for nobody's decision.
  return (operation: Operation) => tags.includes(operationEtag(nowShown(operation, null)));
}

/** `If-Match` on an operation, as it is described. */
export const ifMatchOperation = ifMatchHeader
  .optional()
  .describe('The `ETag` of the operation the caller read; `*` is any. A weak one never matches.');
