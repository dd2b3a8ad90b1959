import type { AuditEvent } from '../../core/audit/audit-event.ts';
import { CallFailed } from '../../core/failure.ts';
import { isLockTimeout } from './connection-lost.ts';
import { Turns } from './turns.ts';

export type GroupCommitOptions<Written> = {
  /** Makes events durable together, and gives each one's result. Waits for a chain's head no
   *  longer than `lockMs`. */
  readonly write: (events: readonly AuditEvent[], lockMs: number) => Promise<(event: AuditEvent) => Written>;
  /** How long a caller waits, in milliseconds. */
  readonly timeoutMs: number;
  /** How long a batch of its own waits for its chain's head. */
  readonly lockMs: number;
  /** So many batches may be on their own at once; each has a connection. */
  readonly aloneAtOnce: number;
};

type Waiting<Written> = {
  readonly event: AuditEvent;
  /** By when it is to be durable, in the process's own time (`performance.now`). */
  readonly deadline: number;
  readonly written: (value: Written) => void;
  readonly failed: (error: unknown) => void;
  overdue: boolean;
};

type Lane<Written> = {
  waiting: Waiting<Written>[];
  batch: readonly Waiting<Written>[];
  running: boolean;
  /** Whether the last batch was written without waiting for long. */
  free: boolean;
};

// Bounds what one statement carries, and how long it holds a chain's head.
const maxBatch = 256;
// How long a batch of several chains waits for one of them before they go apart, in milliseconds.
const togetherMs = 200;

/** Appends events of many calls together: while one batch is being committed the next gathers, so that a
 *  commit is shared by as many calls as come in the meantime, and a single call waits for no other. Chains share a
 *  batch until the head of one is locked by somebody else for long: then each has its own, and that one waits
 *  alone until it is free. */
export class GroupCommit<Written> {
  readonly #options: GroupCommitOptions<Written>;
  readonly #shared: Lane<Written> = newLane();
  /** By chain: those that have to wait alone. */
  readonly #alone = new Map<string, Lane<Written>>();
  readonly #turns: Turns;
  #alarm: NodeJS.Timeout | null = null;

  constructor(options: GroupCommitOptions<Written>) {
    this.#options = options;
    this.#turns = new Turns(options.aloneAtOnce);
  }

  /** Resolves when the event is durable. Fails with `audit_unavailable`, after `timeoutMs` at the latest: it may
   *  have become durable all the same. */
  append(event: AuditEvent): Promise<Written> {
    return new Promise((written, failed) => {
      const deadline = performance.now() + this.#options.timeoutMs;
      const lane = this.#alone.get(event.tenantId) ?? this.#shared;
      lane.waiting.push({ event, deadline, written, failed, overdue: false });
      this.#alarm ??= this.#alarmIn(this.#options.timeoutMs);
      if (!lane.running) void this.#run(lane);
    });
  }

  // One for all: V8 keeps what a timer of each event's own refers to far longer than the event is needed.
  #alarmIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#failOverdue(), ms).unref();
  }

  #failOverdue(): void {
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const lane of [this.#shared, ...this.#alone.values()]) {
      const asked = new Set(lane.batch);
      for (const waiting of [...lane.batch, ...lane.waiting]) {
        if (waiting.overdue) continue;
        if (waiting.deadline > now) {
          next = Math.min(next, waiting.deadline);
          continue;
        }
        waiting.overdue = true;
        const recorded = asked.has(waiting) ? 'unknown' : 'no';
        const cause = 'the event was not durable in time';
        waiting.failed(new CallFailed({ reason: 'audit_unavailable', cause, recorded }));
      }
    }
    this.#alarm = next === Number.POSITIVE_INFINITY ? null : this.#alarmIn(Math.max(1, next - now));
  }

  async #run(lane: Lane<Written>): Promise<void> {
    lane.running = true;
    while (lane.waiting.length > 0) {
      // An event that has failed for its caller is no longer written, if that is still possible.
      lane.batch = lane.waiting.splice(0, maxBatch).filter(({ overdue }) => !overdue);
      if (lane.batch.length > 0) {
        if (lane === this.#shared) await this.#commit(lane);
        else await this.#turns.take(() => this.#commit(lane));
      }
      lane.batch = [];
    }
    lane.running = false;
    if (lane.free) this.#rejoin(lane);
  }

  async #commit(lane: Lane<Written>): Promise<void> {
    const { batch } = lane;
    const together = lane === this.#shared;
    const begun = performance.now();
    try {
      const events = batch.map(({ event }) => event);
      const writtenFor = await this.#options.write(events, together ? togetherMs : this.#options.lockMs);
      for (const { event, written } of batch) written(writtenFor(event));
      lane.free = performance.now() - begun < togetherMs;
    } catch (error) {
      const blocked = isLockTimeout(error);
      lane.free = false;
      for (const waiting of batch) {
        if (!blocked) waiting.failed(error);
        else if (!waiting.overdue) this.#waitAlone(waiting);
      }
    }
  }

  /** In its chain's own lane, before anything that came to it later. */
  #waitAlone(waiting: Waiting<Written>): void {
    const chain = waiting.event.tenantId;
    const lane = this.#alone.get(chain) ?? newLane<Written>();
    this.#alone.set(chain, lane);
    const at = lane.waiting.findIndex(({ deadline }) => deadline > waiting.deadline);
    lane.waiting.splice(at === -1 ? lane.waiting.length : at, 0, waiting);
    if (!lane.running) void this.#run(lane);
  }

  /** Its head is free again, and nobody waits: what comes next goes with the others. */
  #rejoin(lane: Lane<Written>): void {
    for (const [chain, one] of this.#alone) if (one === lane) this.#alone.delete(chain);
  }
}

function newLane<Written>(): Lane<Written> {
  return { waiting: [], batch: [], running: false, free: false };
}
