/** How long a run is. `smoke` only shows that everything works; `short` lets each part end within a minute;
 *  `full` is for the figures in the README. */
export type Scale = {
  readonly name: 'smoke' | 'short' | 'full';
  /** Of one measurement. */
  readonly seconds: number;
  /** Before the first measurement of a server, so that its code is compiled. */
  readonly warmUpSeconds: number;
  readonly repetitions: number;
  /** The numbers of users a read is measured with. */
  readonly users: readonly number[];
  readonly tenants: number;
  readonly manyUsers: number;
  /** Calls over which memory is watched. */
  readonly memoryCalls: number;
  readonly starts: number;
  /** Really signed tokens in the measurement of validation. */
  readonly validatedTokens: number;
  readonly cachedTokens: number;
  /** Rows of the audit table before and after it has grown. */
  readonly rows: { readonly few: number; readonly many: number };
  readonly verifiedEvents: number;
  /** In one chain, one after the other, while a transaction elsewhere keeps every version of its head. */
  readonly heldCommits: number;
  /** How long somebody locks a chain's head. */
  readonly lockSeconds: number;
  /** 16 MB each, of PostgreSQL's log, in use before anything is measured. */
  readonly logSegments: number;
};

export const scales: Readonly<Record<Scale['name'], Scale>> = {
  smoke: {
    name: 'smoke',
    seconds: 0.2,
    warmUpSeconds: 0.1,
    repetitions: 1,
    users: [1, 20],
    tenants: 100,
    manyUsers: 200,
    memoryCalls: 400,
    starts: 1,
    validatedTokens: 50,
    cachedTokens: 500,
    rows: { few: 200, many: 2000 },
    verifiedEvents: 1000,
    heldCommits: 400,
    lockSeconds: 5,
    logSegments: 2,
  },
  short: {
    name: 'short',
    seconds: 1.2,
    warmUpSeconds: 1.5,
    repetitions: 3,
    users: [1, 1000],
    tenants: 1000,
    manyUsers: 100_000,
    memoryCalls: 60_000,
    starts: 3,
    validatedTokens: 5000,
    cachedTokens: 100_000,
    rows: { few: 10_000, many: 500_000 },
    verifiedEvents: 100_000,
    heldCommits: 24_000,
    lockSeconds: 10,
    logSegments: 64,
  },
  full: {
    name: 'full',
    seconds: 4,
    warmUpSeconds: 8,
    repetitions: 5,
    users: [1, 1000],
    tenants: 1000,
    manyUsers: 100_000,
    memoryCalls: 1_000_000,
    starts: 5,
    validatedTokens: 100_000,
    cachedTokens: 100_000,
    rows: { few: 10_000, many: 10_000_000 },
    verifiedEvents: 200_000,
    heldCommits: 24_000,
    lockSeconds: 60,
    logSegments: 128,
  },
};
