import type { Logger } from 'pino';
import { failureOf } from '../core/failure.ts';

/** Work that is done again and again in the background, one at a time. */
export type Background = {
  /** Does it now, and then each time the interval has passed. */
  start(): void;
  /** Begins no more of it, and resolves when what was under way has ended. */
  stop(): Promise<void>;
};

/** `work` reports what it cannot do; a failure that escapes is dropped, since the next run may succeed. A defect of ours
 *  is logged each time. */
export function repeat(
  everyMs: number,
  work: () => Promise<unknown>,
  log: Pick<Logger, 'error'>,
): Background {
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<unknown> | null = null;
  const once = () => {
    underWay ??= work()
      .catch((error: unknown) => {
        if (failureOf(error).reason === 'internal')
          log.error({ error }, 'background work failed by a defect');
      })
      .finally(() => {
        underWay = null;
      });
  };
  return {
    start() {
      timer = setInterval(once, everyMs).unref();
      once();
    },
    async stop() {
      clearInterval(timer);
      await underWay;
    },
  };
}

/** The answer of `ask`, cached: however many callers want it, `ask` runs once at a time, and again only
 *  `keptMs` after the last answer came. */
export function keep<Answer>(keptMs: number, ask: () => Promise<Answer>): () => Promise<Answer> {
  let answer: Promise<Answer> | null = null;
  return () => {
    if (answer === null) {
      answer = ask();
      const forget = () => {
        setTimeout(() => {
          answer = null;
        }, keptMs).unref();
      };
      answer.then(forget, forget);
    }
    return answer;
  };
}

/** Whether `work` ended in time, successfully or not. If not, it continues in the background. */
export async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), ms);
  const ended = work.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([ended, late.promise]);
  clearTimeout(timer);
  return inTime;
}
