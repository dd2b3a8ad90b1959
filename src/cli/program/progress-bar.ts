import { statSync } from 'node:fs';

/** Shows on a terminal how much is done; elsewhere nothing. */
export function progressBar() {
  const { stderr } = process;
  const width = 30;
  let total = 0;
  let drawn = 0;
  let share: (events: number) => number = (events) => (total === 0 ? 0 : events / total);
  const draw = (events: number) => {
    if (!stderr.isTTY || Date.now() - drawn < 100) return;
    drawn = Date.now();
    const done = Math.min(1, share(events));
    const filled = Math.round(done * width);
    const bar = '#'.repeat(filled).padEnd(width, '.');
    stderr.write(`\r[${bar}] ${String(Math.floor(done * 100)).padStart(3)} %  ${events} events\x1b[K`);
  };
  return {
    at: draw,
    of(events: number) {
      total = events;
    },
    /** A file's chunks, reporting how far it was read: the number of events is not known. */
    async *through(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      const { size } = statSync(file);
      let seen = 0;
      share = () => seen / Math.max(1, size);
      for await (const chunk of chunks) {
        seen += chunk.length;
        yield chunk;
      }
    },
    clear() {
      if (stderr.isTTY && drawn > 0) stderr.write('\r\x1b[K');
    },
  };
}
