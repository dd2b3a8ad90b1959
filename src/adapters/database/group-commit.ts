import type { AuditEvent } from '../../core/audit-event.ts';
import { CallFailed } from '../../core/failure.ts';
import { appendEvents } from './audit-rows.ts';
import type { Database } from './database.ts';

type Waiting = {
  readonly event: AuditEvent;
  readonly settle: (error?: unknown) => void;
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
  #committing = false;

  constructor(database: Database, timeoutMs: number) {
    this.#database = database;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves when the event is durable. Fails with `audit_unavailable`, after `timeoutMs` at the latest:
   *  it may have become durable all the same. */
  append(event: AuditEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.overdue = true;
        reject(unavailable('the event was not durable in time'));
      }, this.#timeoutMs);
      const waiting: Waiting = {
        event,
        overdue: false,
        settle: (error) => {
          clearTimeout(timer);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#waiting.push(waiting);
      if (!this.#committing) void this.#commitAll();
    });
  }

  async #commitAll(): Promise<void> {
    this.#committing = true;
    while (this.#waiting.length > 0) {
      // Whoever was told that it failed is not written any more, where that can still be helped.
      const batch = this.#waiting.splice(0, maxBatch).filter(({ overdue }) => !overdue);
      await this.#commit(batch);
    }
    this.#committing = false;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      await this.#database.run((client) =>
        appendEvents(
          client,
          batch.map(({ event }) => event),
        ),
      );
      for (const { settle } of batch) settle();
    } catch (error) {
      for (const { settle } of batch) settle(error);
    }
  }
}

function unavailable(cause: string): CallFailed {
  return new CallFailed({ reason: 'audit_unavailable', cause });
}
