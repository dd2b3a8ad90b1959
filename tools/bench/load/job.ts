/** What the load generator is asked to do. */
export type Job = {
  /** Where the servers listen on this machine; connections are dealt out to them in turn. */
  readonly ports: readonly number[];
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** A file with one bearer token a line. */
  readonly tokensFile: string;
  /** Calls go round the first so many tokens, in an order that jumps about. */
  readonly users: number;
  readonly connections: number;
  /** When to stop: after a time, or after a number of calls. */
  readonly until: { readonly seconds: number } | { readonly calls: number };
  /** Calls a second, at fixed times, however long answers take (an open loop). Without it each connection
   *  sends its next call when it has had its answer. */
  readonly rate?: number;
};

/** What came of it. Latencies are in milliseconds. */
export type LoadResult = {
  readonly calls: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** How often each status was answered; `refused`, `untaken` and `broken` are calls without an answer. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** CPU the generator itself took for one call, in microseconds. */
  readonly generatorCpu: number;
};
