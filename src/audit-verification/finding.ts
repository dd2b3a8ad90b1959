/** What can be wrong with a trail, and a program's exit code for it, the gravest first: what takes the right to
 *  write the tables comes before what anybody can do who may call the service's functions. A public
 *  interface: programs that run the verifier see from the code what happened. */
const exitCodes = {
  altered_event: 10,
  broken_link: 12,
  wrong_number: 11,
  contradicted: 15,
  cut: 16,
  lost: 16,
  altered_head: 18,
  altered_columns: 17,
  event_twice: 20,
  checkpoint_gone: 21,
  omitted_event: 23,
  bad_signature: 13,
  unknown_key: 14,
  malformed: 19,
  late: 22,
} as const;

export type FindingKind = keyof typeof exitCodes;

/** One thing that is wrong with a trail, and where. */
export class Finding extends Error {
  readonly kind: FindingKind;
  readonly chain: string | null;
  readonly number: number | null;

  constructor(kind: FindingKind, where: { chain: string | null; number?: number | null }, message: string) {
    super(message);
    this.name = 'Finding';
    this.kind = kind;
    this.chain = where.chain;
    this.number = where.number ?? null;
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

// Someone who can add rows could add findings without end.
const keptOfAKind = 20;

/** Everything that was found, of which a bounded number is kept for each chain and kind; the rest is counted. */
export class Findings {
  readonly #kept: Finding[] = [];
  readonly #counts = new Map<string, { chain: string | null; kind: FindingKind; count: number }>();

  add(finding: Finding): void {
    const { chain, kind } = finding;
    const key = `${kind} ${chain}`;
    const counted = this.#counts.get(key) ?? { chain, kind, count: 0 };
    this.#counts.set(key, counted);
    counted.count += 1;
    if (counted.count <= keptOfAKind) this.#kept.push(finding);
  }

  /** Runs `work`, and adds the finding that it throws; `null` then. */
  caught<Value>(work: () => Value): Value | null {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Finding)) throw error;
      this.add(error);
      return null;
    }
  }

  /** In the order in which they were found. */
  get list(): readonly Finding[] {
    return this.#kept;
  }

  /** What was found and not kept, by chain and kind. */
  get more(): readonly { chain: string | null; kind: FindingKind; count: number }[] {
    return [...this.#counts.values()]
      .filter(({ count }) => count > keptOfAKind)
      .map((counted) => ({ ...counted, count: counted.count - keptOfAKind }));
  }

  /** The code of the gravest; 0 where nothing was found. */
  get exitCode(): number {
    const found = new Set(this.#kept.map(({ kind }) => kind));
    const gravest = (Object.keys(exitCodes) as FindingKind[]).find((kind) => found.has(kind));
    return gravest === undefined ? 0 : exitCodes[gravest];
  }
}
