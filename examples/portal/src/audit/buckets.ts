import type { AuditEvent } from '../api/types.ts';

/** How calls ended, as the chart tells them apart. */
export const outcomes = ['done', 'open', 'refused', 'unknown'] as const;
export type Outcome = (typeof outcomes)[number];

/** The events from `from` on, for the bucket's length. */
export type Bucket = { readonly from: number; readonly counts: Readonly<Record<Outcome, number>> };

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const lengths = [
  second,
  5 * second,
  15 * second,
  minute,
  5 * minute,
  15 * minute,
  hour,
  3 * hour,
  6 * hour,
  12 * hour,
  day,
  7 * day,
  30 * day,
  90 * day,
  365 * day,
];
const mostBuckets = 24;

export function outcomeOf({ result }: Pick<AuditEvent, 'result'>): Outcome {
  switch (result) {
    case 'succeeded':
    case 'accepted':
    case 'completed':
    case 'approved':
    case 'approved_in_intune':
      return 'done';
    case 'pending':
    case 'awaiting_approval':
    case 'awaiting_intune_approval':
    case 'sent':
      return 'open';
    case 'refused':
    case 'failed':
    case 'rejected':
    case 'expired':
    case 'withdrawn':
      return 'refused';
    case 'unknown':
      return 'unknown';
  }
}

/** The events by time, in at most 24 buckets of equal length, the empty ones among them. */
export function bucketsOf(events: readonly Pick<AuditEvent, 'time' | 'result'>[]): {
  readonly length: number;
  readonly buckets: readonly Bucket[];
} {
  const times = events.map(({ time }) => Date.parse(time));
  if (times.length === 0) return { length: second, buckets: [] };
  const first = times.reduce((one, other) => Math.min(one, other));
  const last = times.reduce((one, other) => Math.max(one, other));
  const countWith = (length: number) => Math.floor(last / length) - Math.floor(first / length) + 1;
  const length =
    lengths.find((candidate) => countWith(candidate) <= mostBuckets) ??
    Math.ceil((last - first + 1) / (mostBuckets - 1));

  const start = Math.floor(first / length);
  const counts = Array.from({ length: countWith(length) }, () => ({
    done: 0,
    open: 0,
    refused: 0,
    unknown: 0,
  }));
  for (const event of events) {
    const bucket = counts[Math.floor(Date.parse(event.time) / length) - start];
    if (bucket) bucket[outcomeOf(event)] += 1;
  }
  return { length, buckets: counts.map((each, index) => ({ from: (start + index) * length, counts: each })) };
}
