import { registerHooks } from 'node:module';

/** The environment variable that names the change to load: JSON of a `LoadedMutant`. */
export const MUTANT = 'CHROMEOS_BFF_MUTANT';

export type LoadedMutant = {
  readonly url: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
};

// Loaded before a test (`node --import`): that test's process then runs the changed source, and no file changes.
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
}
