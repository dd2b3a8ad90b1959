import type { IncomingMessage } from 'node:http';

/** What has become of the body that a request announced. */
export type ArrivedBody =
  | { readonly state: 'none' }
  | { readonly state: 'whole'; readonly bytes: Buffer }
  | { readonly state: 'incomplete' }
  | { readonly state: 'too_large' };

/** Emitted on a request when its connection can no longer bring the rest of it: the client closed its sending
 *  side, sent what is not HTTP, or was too slow. (The request itself cannot tell: Node leaves it waiting while
 *  the connection can still carry an answer.) */
export const brokenOff = Symbol('brokenOff');

const none = Promise.resolve<ArrivedBody>({ state: 'none' });

/** Reads a request's body into memory while it arrives, `limit` bytes at most, so that what arrived whole is
 *  there whatever becomes of the connection since. Nobody has to wait for it. No body is `Content-Length: 0`, or
 *  neither a length nor a transfer coding (RFC 9112 6.3); every other one was announced, and must arrive. */
export function receiveBody(request: IncomingMessage, limit: number): Promise<ArrivedBody> {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (coding === undefined && (length === undefined || Number(length) === 0)) return none;
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    // What is too large is read on and dropped: an unread body would hide that the client has gone.
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else resolve({ state: 'too_large' });
    });
    request.once('end', () => resolve({ state: 'whole', bytes: Buffer.concat(chunks) }));
    const breakOff = () => resolve({ state: 'incomplete' });
    request.once(brokenOff, breakOff);
    request.once('error', breakOff);
    request.once('close', breakOff);
    if (Number(length) > limit) resolve({ state: 'too_large' });
  });
}
