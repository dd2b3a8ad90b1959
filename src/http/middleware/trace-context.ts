import { randomFillSync } from 'node:crypto';

/** The place of this call in a distributed trace (W3C Trace Context). */
export type TraceContext = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  /** Whether the caller keeps this trace; true if it did not say. */
  readonly sampled: boolean;
};

/** Continues the caller's trace if `traceparent` is valid, and begins a new one if not. */
export function continueTrace(traceparent: string | undefined): TraceContext {
  const spanId = randomHex(8);
  const match =
    traceparent === undefined
      ? null
      : /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/.exec(traceparent);
  const [, traceId, parentId, flags] = match ?? [];
  if (traceId === undefined || parentId === undefined || /^0+$/.test(traceId) || /^0+$/.test(parentId)) {
    return { traceId: randomHex(16), spanId, parentId: null, sampled: true };
  }
  return { traceId, spanId, parentId, sampled: (Number.parseInt(flags ?? '', 16) & 1) === 1 };
}

// The system's generator is called once for many ids: a call costs far more than the bytes.
const pool = Buffer.alloc(4096);
let used = pool.length;

/** So many random bytes, in hexadecimal. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
