/** The figures that are to be reached (medians; ratios within one run). */
const targets = {
  read1: { what: 'read against bare, N = 1', atLeast: 0.5, unit: '×' },
  read1000: { what: 'read against bare, N = 1,000', atLeast: 0.5, unit: '×' },
  readMany: { what: 'read against bare, N = 100,000', atLeast: 0.45, unit: '×' },
  readManyAgainstOne: { what: 'read at N = 100,000 against ours at N = 1', atLeast: 0.9, unit: '×' },
  sample1: { what: 'read against sample, N = 1', atLeast: 3, unit: '×' },
  sample1000: { what: 'read against sample, N = 1,000', atLeast: 20, unit: '×' },
  upstreamCalls: { what: 'disconnect: upstream calls', atMost: 3, unit: '' },
  commits: { what: 'disconnect: commits', atMost: 4, unit: '' },
  disconnectCpu: { what: 'disconnect: our own CPU', atMost: 1.5, unit: 'ms' },
  addedP50: { what: 'added latency at half load against bare, p50', atMost: 1, unit: 'ms' },
  addedP99: { what: 'added latency at half load against bare, p99', atMost: 4, unit: 'ms' },
  validation: { what: 'validation of a token against the bare RSA check', atMost: 4, unit: '×' },
  exchangeHit: { what: 'exchange hit, at any N', atMost: 5, unit: 'µs' },
  memory1000: { what: 'resident memory at 1,000 users', atMost: 300, unit: 'MB' },
  memoryMany: { what: 'resident memory, cache of 100,000 full', atMost: 800, unit: 'MB' },
  memoryGrowth: { what: 'memory growth over 1,000,000 calls, beyond noise', atMost: 0, unit: 'MB' },
  startToReady: { what: 'start to ready', atMost: 2, unit: 's' },
  replicas: { what: 'two replicas against one', atLeast: 1.7, unit: '×' },
  verification: { what: 'trail verification', atLeast: 20_000, unit: 'events/s' },
  growth: { what: 'audit trail grown: slowest answer against before', atMost: 2, unit: '×' },
  horizon: { what: 'an append after 24,000 commits under a held horizon', atMost: 1.5, unit: '×' },
  lockedBackends: { what: 'a chain locked: connections beyond the pool', atMost: 2, unit: '' },
  lockedRefusals: { what: 'a chain locked: refusals in other tenants', atMost: 0, unit: '' },
  lockedP99: { what: 'a chain locked: p99 in other tenants', atMost: 0.5, unit: 's' },
  lockedRecovery: { what: "a chain locked: last refusal after the lock's end", atMost: 1, unit: 's' },
  vanishedRecovery: { what: 'a replica vanished with a chain: last refusal after', atMost: 10, unit: 's' },
} as const satisfies Record<string, Target>;

export type Target = { readonly what: string; readonly unit: string } & (
  | { readonly atLeast: number }
  | { readonly atMost: number }
);

export type FigureName = keyof typeof targets;

/** What a part has measured. */
export type Figures = Partial<Record<FigureName, number>>;

export type Verdict = {
  readonly figure: FigureName;
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly value: number;
  readonly met: boolean;
  /** How far from it, as a share of the target; 0 where it is met. */
  readonly missedBy: number;
};

/** Each figure that was measured, held against what it should be. */
export function judge(figures: Figures): Verdict[] {
  return (Object.keys(targets) as FigureName[]).flatMap((figure) => {
    const value = figures[figure];
    if (value === undefined) return [];
    const target: Target = targets[figure];
    const [limit, sign] = 'atLeast' in target ? [target.atLeast, '≥'] : [target.atMost, '≤'];
    const met = sign === '≥' ? value >= limit : value <= limit;
    return {
      figure,
      what: target.what,
      target: `${sign} ${amount(limit, target.unit)}`,
      measured: amount(value, target.unit),
      value,
      met,
      missedBy: met ? 0 : Math.abs(value - limit) / (limit === 0 ? 1 : limit),
    };
  });
}

/** A number as a person reads it, with its unit. */
export function amount(value: number, unit: string): string {
  const digits = Number.isInteger(value) || Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  const number = value.toLocaleString('en', { maximumFractionDigits: digits });
  if (unit === '') return number;
  return unit === '×' ? `${number}×` : `${number} ${unit}`;
}
