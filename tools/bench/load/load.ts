import { type OwnProcess, startOwnProcess } from '../own-process.ts';
import type { Job, LoadResult } from './job.ts';

/** The load generator, in its own process. */
export type Load = {
  /** Does a job. Rejects where a call was not answered with 200, unless `anyAnswer` says otherwise: a
   *  figure of calls that failed is none. */
  run(job: Job, options?: { anyAnswer?: boolean }): Promise<LoadResult>;
  close(): Promise<void>;
};

export async function startLoad(): Promise<Load> {
  const generator: OwnProcess = await startOwnProcess('./load/generator.ts');
  return {
    async run(job, { anyAnswer = false } = {}) {
      const { result } = await generator.ask<{ result: LoadResult }>(job);
      const others = Object.keys(result.outcomes).filter((outcome) => outcome !== '200');
      if (others.length > 0 && !anyAnswer) {
        throw new Error(
          `${job.method} ${job.path}: not every call was answered with 200: ${JSON.stringify(result.outcomes)}`,
        );
      }
      return result;
    },
    close: () => generator.close(),
  };
}
