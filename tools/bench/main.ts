/** `npm run bench`: measures the service beside what it is to be measured against, and says which figures
 *  were reached. The table goes to stdout, progress to stderr. */
import { writeFile } from 'node:fs/promises';
import { openBench } from './bench.ts';
import { type Options, optionsFrom, UsageError } from './options.ts';
import type { Part, PartResult } from './part.ts';
import { parts } from './parts.ts';
import { reportOf, textOf } from './report.ts';

const cleanUp = new AsyncDisposableStack();
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // npm passes on what the terminal has sent us already, so each comes twice.
  process.on(signal, async () => {
    if (interrupted) return;
    interrupted = true;
    console.error('\nending everything that was started');
    await cleanUp.disposeAsync().catch(() => {});
    process.exit(signal === 'SIGINT' ? 130 : 143);
  });
}

try {
  const options = optionsFrom(process.argv.slice(2));
  if (options.list) for (const { name, what } of parts) console.log(`${name.padEnd(14)}${what}`);
  else await measure(options);
} catch (error) {
  if (!interrupted) console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
} finally {
  if (!interrupted) await cleanUp.disposeAsync();
}

async function measure({ parts: chosen, scale, jsonFile, profileFolder }: Options): Promise<void> {
  const begun = performance.now();
  const say = (text: string) =>
    console.error(`${((performance.now() - begun) / 1000).toFixed(1).padStart(7)} s  ${text}`);
  const bench = await openBench({ scale, profileFolder }, say, cleanUp);
  const results = new Map<Part, PartResult>();
  for (const part of chosen) {
    say(`${part.name}: ${part.what}`);
    results.set(part, await bench.alone(() => part.run(bench)));
  }
  const report = reportOf(scale, results);
  console.log(textOf(report, results));
  if (jsonFile !== null) await writeFile(jsonFile, `${JSON.stringify(report, null, 2)}\n`);
}
