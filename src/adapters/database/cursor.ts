import { CallFailed } from '../../core/failure.ts';

/** Where the page after this one begins: before that position, counted from the newest. */
export function cursorTo(position: string): string {
  return Buffer.from(`before:${position}`).toString('base64url');
}

/** The position in a cursor. Fails with `request_invalid` for a text that is no cursor of this API. */
export function positionAt(cursor: string): string {
  const position = /^before:(\d{1,18})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1];
  if (position !== undefined) return position;
  throw new CallFailed({
    reason: 'request_invalid',
    issues: [{ field: 'cursor', message: 'is not a nextCursor this API gave' }],
  });
}
