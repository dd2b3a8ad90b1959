import { ChildProcess } from 'node:child_process';
import { registerHooks } from 'node:module';

/** The environment variable that names the change to load: JSON of a `LoadedMutant`. */
export const MUTANT = 'CHROMEOS_BFF_MUTANT';

export type LoadedMutant = {
  readonly url: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
};

// Loaded before a test (`node --import`): that test's process, and each of Node's that it starts, then run the changed
// source, and no file changes.
const given = process.env[MUTANT];
if (given !== undefined) {
  const { url: mutated, start, end, replacement } = JSON.parse(given) as LoadedMutant;
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (url !== mutated) return loaded;
      const source = Buffer.from(loaded.source as Uint8Array).toString('utf8');
      return { ...loaded, source: source.slice(0, start) + replacement + source.slice(end) };
    },
  });

  // What every way of starting a process, but the synchronous ones, comes to.
  type Starting = { file: string; args?: string[]; envPairs?: string[] };
  const prototype = ChildProcess.prototype as unknown as { spawn(options: Starting): number };
  const { spawn } = prototype;
  prototype.spawn = function (this: ChildProcess, options) {
    if (options.file === process.execPath) {
      options.args?.splice(1, 0, '--import', import.meta.filename);
      options.envPairs?.push(`${MUTANT}=${given}`);
    }
    return spawn.call(this, options);
  };
}
