import { pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import { printable } from '../../core/text.ts';

// The length of a compressed answer can reveal whether two texts in it are alike. So only answers that are
// large and hold no secret are compressed: the audit trail, which has what people typed but never a token, and
// which no other page can make a browser ask for, since it would need the auditor's token for that. Small
// answers, those of the hot path among them, cost more to compress than they save.

/** Shorter texts fit a packet or two as they are. In characters. */
const worthIt = 2048;
const compress = promisify(gzip);

/** Sends a value as JSON, compressed where the caller takes that and it pays. */
export async function sendLargeJson(request: Request, response: Response, value: unknown): Promise<void> {
  const compressible = takesGzip(request, response);
  const text = printable(JSON.stringify(value));
  response.type('json');
  if (!compressible || text.length < worthIt) {
    response.send(text);
    return;
  }
  response.setHeader('content-encoding', 'gzip');
  response.send(await compress(text));
}

/** Whether the caller takes gzip; says that the answer depends on it. */
export function takesGzip(request: Request, response: Response): boolean {
  response.vary('Accept-Encoding');
  return request.acceptsEncodings('gzip') === 'gzip';
}

/** The chunks compressed, each sent as soon as it is there. Fails if they fail, and releases them
 *  when nobody reads any more. */
export async function* gzipped(chunks: AsyncIterable<string>): AsyncGenerator<Buffer> {
  const compressed = createGzip({ flush: constants.Z_SYNC_FLUSH });
  // A failure reaches the reader of the output.
  pipeline(chunks, compressed, () => {});
  yield* compressed;
}
