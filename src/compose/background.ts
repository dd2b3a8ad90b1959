/** Work that is done again and again in the background, one at a time. */
export type Background = {
  /** Does it now, and from then on each time the interval has passed. */
  start(): void;
  /** Begins no more of it, and resolves when what was under way has ended. */
  stop(): Promise<void>;
};

/** `work` is to deal with its own failures; one that gets out is dropped, for the next time may do. */
export function repeat(everyMs: number, work: () => Promise<unknown>): Background {
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<unknown> | null = null;
  const once = () => {
    underWay ??= work()
      .catch(() => {})
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

/** The answer of `ask`, kept for a while: however often and by however many it is wanted, it is asked
 *  for once at a time, and again only `keptMs` after the last answer came. */
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

/** Whether `work` ended in time, well or not. What did not goes on by itself. */
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
