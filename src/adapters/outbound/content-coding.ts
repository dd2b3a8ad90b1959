import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';

type Bounds = { readonly maxOutputLength: number };
type Decode = (bytes: Buffer, bounds: Bounds) => Buffer;

const decoders: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflate],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
  ['identity', (bytes) => bytes],
]);

// Each may expand the bytes up to the limit again, and a header has room for thousands of them.
const maxCodings = 4;

/** The bytes as they were before the codings that `Content-Encoding` names were applied to them, in that
 *  order (RFC 9110 8.4). We ask for none, but a proxy in between may add one. Throws where a coding is
 *  unknown, where the bytes are not coded as it says, and where more than `maxBytes` come out. */
export function decodeContent(bytes: Buffer, contentEncoding: string | undefined, maxBytes: number): Buffer {
  if (contentEncoding === undefined || bytes.length === 0) return bytes;
  const codings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '');
  if (codings.length > maxCodings) throw new UnknownCoding();
  return codings.reduceRight((coded, coding) => {
    const decode = decoders.get(coding);
    if (decode === undefined) throw new UnknownCoding();
    return decode(coded, { maxOutputLength: maxBytes });
  }, bytes);
}

/** An unknown one, or more of them than anyone would apply. */
class UnknownCoding extends Error {
  override readonly name = 'UNKNOWN_CONTENT_CODING';
}

/** `deflate` is the zlib format (RFC 9110 8.4.1.2), but some send the bare stream that is inside. */
function inflate(bytes: Buffer, bounds: Bounds): Buffer {
  // The low four bits of a zlib stream's first byte are 8 (RFC 1950 2.2); those of a bare stream seldom.
  const isZlib = ((bytes[0] ?? 0) & 0x0f) === 8;
  return isZlib ? inflateSync(bytes, bounds) : inflateRawSync(bytes, bounds);
}
