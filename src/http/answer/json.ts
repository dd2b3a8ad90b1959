import type { Response } from 'express';
import { printable } from '../../core/text.ts';

/** Answers with JSON. Express's own `json` looks up its settings, the media type and whether the caller has the
 *  answer already; all of that is settled here (`etag` and `304` are the routes'), and was a twentieth of what
 *  a read costs. */
export function sendJson(response: Response, value: unknown): void {
  // Stored text may hold characters that control a terminal.
  const text = printable(JSON.stringify(value));
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(text);
}
