import type { Bench } from './bench.ts';
import type { Figures } from './figures.ts';

/** One thing the bench measures, which can be run alone. */
export type Part = {
  readonly name: string;
  readonly what: string;
  run(bench: Bench): Promise<PartResult>;
};

export type PartResult = {
  readonly figures: Figures;
  /** For people: a line each, in columns. */
  readonly rows: readonly (readonly string[])[];
  /** For programs, whatever the part knows. */
  readonly data: unknown;
  /** What makes the figures doubtful, or what they do not say. */
  readonly warnings?: readonly string[];
};
