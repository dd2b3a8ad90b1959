import type { AuditEvent } from '../../core/audit/audit-event.ts';
import { CallFailed } from '../../core/failure.ts';
import type { StoredOperation } from '../../core/operation/operation.ts';
import { appendEvents } from './audit-rows.ts';
import type { Database } from './database.ts';

type Waiting = {
  readonly event: AuditEvent;
  /** By when it is to be durable, in the process's own time (`performance.now`). */
  readonly deadline: number;
  readonly written: (open: StoredOperation | null) => void;
  readonly failed: (error: unknown) => void;
  overdue: boolean;
};

// Bounds what one statement carries, and how long it holds a chain's head.
const maxBatch = 256;

/** Appends events of many calls together: while one batch is being committed the next gathers, so that a
 *  commit is shared by as many calls as come in the meantime, and a lone call waits for nobody. */
export class GroupCommit {
  readonly #database: Database;
  readonly #timeoutMs: number;
  #waiting: Waiting[] = [];
  #batch: readonly Waiting[] = [];
  #committing = false;
  #alarm: NodeJS.Timeout | null = null;

  constructor(database: Database, timeoutMs: number) {
    this.#database = database;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves when the event is durable, with what is then open in its tenant. Fails with
   *  `audit_unavailable`, after `timeoutMs` at the latest: it may have become durable all the same. */
  append(event: AuditEvent): Promise<StoredOperation | null> {
    return new Promise((written, failed) => {
      const deadline = performance.now() + this.#timeoutMs;
      this.#waiting.push({ event, deadline, written, failed, overdue: false });
      this.#alarm ??= this.#alarmIn(this.#timeoutMs);
      if (!this.#committing) void this.#commitAll();
    });
  }

  // One for all: V8 keeps what a timer of each event's own refers to far longer than the event is needed.
  #alarmIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#failOverdue(), ms).unref();
  }

  #failOverdue(): void {
    const now = performance.now();
    const pending = [...this.#batch, ...this.#waiting].filter(({ overdue }) => !overdue);
    for (const waiting of pending) {
      if (waiting.deadline > now) continue;
      waiting.overdue = true;
      waiting.failed(unavailable('the event was not durable in time'));
    }
    const next = pending.find(({ overdue }) => !overdue);
    this.#alarm = next === undefined ? null : this.#alarmIn(Math.max(1, next.deadline - now));
  }

  async #commitAll(): Promise<void> {
    this.#committing = true;
    while (this.#waiting.length > 0) {
      // Whoever was told that it failed is not written any more, where that can still be helped.
      this.#batch = this.#waiting.splice(0, maxBatch).filter(({ overdue }) => !overdue);
      await this.#commit(this.#batch);
      this.#batch = [];
    }
    this.#committing = false;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const events = batch.map(({ event }) => event);
      const open = await this.#database.run((client) => appendEvents(client, events));
      for (const { event, written } of batch) {
        written(open.find(({ tenantId }) => tenantId === event.tenantId) ?? null);
      }
    } catch (error) {
      for (const { failed } of batch) failed(error);
    }
  }
}

function unavailable(cause: string): CallFailed {
  return new CallFailed({ reason: 'audit_unavailable', cause });
}
