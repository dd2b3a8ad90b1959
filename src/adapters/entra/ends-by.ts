import type { Deadline } from '../../core/deadline.ts';

/** The result of `work`, or the failure that `late` makes if the deadline comes first. The work itself continues:
 *  others may be waiting for it. */
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
