import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

type Range = { startOffset: number; endOffset: number; count: number };
type Script = { url: string; functions: { ranges: Range[] }[] };

/** Which places of which sources have run: asks by the source's URL and an offset in it. Node strips types
 *  by blanks, so that offsets are those of the source. */
export type Coverage = (url: string, offset: number) => boolean;

/** Reads what a process that ran with NODE_V8_COVERAGE wrote to that folder. */
export async function readCoverage(folder: string): Promise<Coverage> {
  const ranges = new Map<string, Range[][]>();
  for (const name of await readdir(folder)) {
    const { result } = JSON.parse(await readFile(join(folder, name), 'utf8')) as { result: Script[] };
    for (const { url, functions } of result) {
      if (!url.startsWith('file:') || url.includes('/node_modules/')) continue;
      ranges.set(url, [...(ranges.get(url) ?? []), functions.flatMap((one) => one.ranges)]);
    }
  }
  // The innermost range that holds a place says how often it ran.
  return (url, offset) =>
    (ranges.get(url) ?? []).some((processRanges) => {
      const around = processRanges.filter(
        ({ startOffset, endOffset }) => startOffset <= offset && offset < endOffset,
      );
      const size = ({ startOffset, endOffset }: Range) => endOffset - startOffset;
      const innermost = around.sort((one, other) => size(one) - size(other))[0];
      return innermost !== undefined && innermost.count > 0;
    });
}
