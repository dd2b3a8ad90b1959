import type { Deadline } from '../../core/deadline.ts';

/** What `work` gives, or a failure of `late`'s making where the deadline is over first. The work itself goes on:
 *  others may wait for the same. */
export async function endsBy<Value>(
  deadline: Deadline,
  work: Promise<Value>,
  late: () => Error,
): Promise<Value> {
  const timeUp = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeUp.reject(late()), deadline.leftMs());
  try {
    return await Promise.race([work, timeUp.promise]);
  } finally {
    clearTimeout(timer);
  }
}
