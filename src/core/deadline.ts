/** By when a call must have its whole answer, whatever it still has to do: exchange, reads, the act with
 *  its retries, the read-back and the record share it. */
export type Deadline = {
  /** What is left, in milliseconds; 0 when the time is up. */
  leftMs(): number;
};

/** A deadline at `at`, by a monotonic clock (`performance.now`). */
export function deadlineAt(at: number, monotonic: () => number): Deadline {
  return { leftMs: () => Math.max(0, at - monotonic()) };
}

/** A deadline that leaves `ms` milliseconds for what has to come after. */
export function reserve(deadline: Deadline, ms: number): Deadline {
  return { leftMs: () => Math.max(0, deadline.leftMs() - ms) };
}
