import { once } from 'node:events';
import type { Response } from 'express';
import { failureOf } from '../../core/failure.ts';
import { contextOf } from '../middleware/request-context.ts';

/** Writes an answer of any length, as fast as the caller takes it. Where `chunks` fails before the first
 *  byte, so does this, and nothing is sent; after that the connection is destroyed: half an answer must
 *  not look like a whole one. */
export async function sendStreamed(
  response: Response,
  headers: Readonly<Record<string, string>>,
  chunks: AsyncIterable<string | Buffer>,
): Promise<void> {
  try {
    for await (const chunk of chunks) {
      // The caller has gone: leaving the loop ends the reading of the database.
      if (response.destroyed) break;
      if (!response.headersSent) response.set(headers);
      if (!response.write(chunk)) await takenOrGone(response);
    }
    if (!response.headersSent) response.set(headers);
  } catch (error) {
    if (!response.headersSent) throw error;
    const context = contextOf(response);
    context.failure = failureOf(error);
    if (context.failure.reason === 'internal') context.defect = error;
    response.destroy();
  }
  // Also after `destroy`: it sends nothing then, but marks the end of the work on this call.
  response.end();
}

async function takenOrGone(response: Response): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  try {
    if (response.destroyed) return;
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    stop.abort();
  }
}
