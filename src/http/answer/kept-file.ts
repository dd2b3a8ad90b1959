import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Request, RequestHandler, Response } from 'express';
import { takesGzip } from './compressed.ts';

const compress = promisify(gzip);

type KeptFile = { readonly plain: Buffer; readonly gzipped: Buffer; readonly tag: string };

/** Answers with the same bytes to everyone: `make` makes them when they are first asked for, and they are
 *  kept. They hold no secret, so that they are compressed, and browsers may keep them too if they ask
 *  whether they have changed. */
export function keptFile(
  headers: Readonly<Record<string, string>>,
  make: () => Promise<string | Buffer>,
): RequestHandler {
  let kept: Promise<KeptFile> | null = null;

  async function load(): Promise<KeptFile> {
    const plain = Buffer.from(await make());
    return { plain, gzipped: await compress(plain), tag: hash('sha256', plain, 'base64url') };
  }

  return async (request, response) => {
    kept ??= load().catch((error) => {
      kept = null;
      throw error;
    });
    send(request, response, headers, await kept);
  };
}

function send(
  request: Request,
  response: Response,
  headers: Readonly<Record<string, string>>,
  { plain, gzipped, tag }: KeptFile,
): void {
  const compressed = takesGzip(request, response);
  response.set({ 'cache-control': 'no-cache', etag: compressed ? `"${tag}-gzip"` : `"${tag}"`, ...headers });
  if (compressed) response.setHeader('content-encoding', 'gzip');
  // Tells a browser that has it already (RFC 9110 13.1.2), and leaves the body out for HEAD.
  response.send(compressed ? gzipped : plain);
}
