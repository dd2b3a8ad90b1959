import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** A file that a log platform wrote, as text: gzip is unpacked, and UTF-16 is read as such. Fails if a gzip file is
 *  broken. */
export async function* textOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) return;
  const all = from(first.value, iterator);
  const [one, two] = first.value;
  if (one === 0x1f && two === 0x8b) {
    yield* textOf(Readable.from(all).pipe(createGunzip()));
    return;
  }
  const decoder = new TextDecoder(encodingOf(first.value));
  for await (const chunk of all) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

async function* from(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** By the byte order mark, else by where the zeros are that ASCII has in UTF-16. */
function encodingOf([one, two, three, four]: Buffer): string {
  if (one === 0xff && two === 0xfe) return 'utf-16le';
  if (one === 0xfe && two === 0xff) return 'utf-16be';
  if (one !== 0 && two === 0 && three !== 0 && four === 0) return 'utf-16le';
  if (one === 0 && two !== 0 && three === 0 && four !== 0) return 'utf-16be';
  return 'utf-8';
}
