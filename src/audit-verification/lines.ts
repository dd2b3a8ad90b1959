/** One line of a file, without its end; `text` is `null` where the bytes are not UTF-8. */
export type Line = {
  readonly text: string | null;
  readonly number: number;
  /** Whether a line feed ends it. */
  readonly ended: boolean;
};

/** The lines of a file, in constant memory but for the longest of them. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let rest: Buffer[] = [];
  let number = 0;
  for await (const chunk of chunks) {
    let begun = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, begun)) {
      const piece = chunk.subarray(begun, end);
      number += 1;
      yield {
        text: decode(rest.length === 0 ? piece : Buffer.concat([...rest, piece])),
        number,
        ended: true,
      };
      rest = [];
      begun = end + 1;
    }
    if (begun < chunk.length) rest.push(chunk.subarray(begun));
  }
  if (rest.length > 0) yield { text: decode(Buffer.concat(rest)), number: number + 1, ended: false };
}

// Strict: two different files must not read the same.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}
