import { LRUCache } from 'lru-cache';
import type { AuditEvent } from '../../core/audit/audit-event.ts';
import { CallFailed } from '../../core/failure.ts';
import type { ChainHead } from './audit-rows.ts';
import type { Database } from './database.ts';
import { firstRow } from './first-row.ts';
import { lostChains } from './statements/lost-chains.ts';
import { reportLostHistory } from './statements/report-lost-history.ts';

/** What a chain was known to end with. */
export type KnownHead = { readonly chain: string; readonly number: number; readonly link: string };

export type RecordedEvent = Pick<AuditEvent, 'id' | 'requestId' | 'operationId'>;

/** A chain lacks what this process had seen acknowledged. */
export type Loss = KnownHead & {
  /** The events that are gone, as far as this process remembers them. */
  readonly gone: readonly RecordedEvent[];
};

// So many tenants, and so many events in all, are remembered.
const mostChains = 10_000;
const mostEvents = 10_000;

/** Remembers what this process has seen acknowledged, and notices when the database has lost it: after a failover
 *  to a standby that lacked it, or when a backup was restored underneath us. */
export class KnownHistory {
  readonly #heads = new LRUCache<string, KnownHead>({ max: mostChains });
  readonly #recent: (RecordedEvent & { readonly chain: string })[] = [];
  #next = 0;
  readonly #reported = new Map<string, number>();
  readonly #onLoss: (loss: Loss) => void;

  constructor(onLoss: (loss: Loss) => void) {
    this.#onLoss = onLoss;
  }

  /** What is known from outside: the latest checkpoint that was kept elsewhere. */
  expect(head: KnownHead): void {
    const known = this.#heads.get(head.chain);
    if (known === undefined || known.number < head.number) this.#heads.set(head.chain, head);
  }

  /** As the functions of the database take it; `null` where nothing is known. */
  knownOf(chain: string): string | null {
    const known = this.#heads.get(chain);
    return known === undefined ? null : JSON.stringify({ number: known.number, link: known.link });
  }

  /** Remembers what was just acknowledged. Returns the chains that have grown less than they must have. */
  learn(heads: readonly ChainHead[], events: readonly AuditEvent[]): string[] {
    const suspect: string[] = [];
    for (const { chain, number, link } of heads) {
      const known = this.#heads.get(chain);
      if (known === undefined || number > known.number) this.#heads.set(chain, { chain, number, link });
      else if (number < known.number || link !== known.link) suspect.push(chain);
    }
    for (const { id, requestId, operationId, tenantId } of events) {
      this.#recent[this.#next] = { id, requestId, operationId, chain: tenantId };
      this.#next = (this.#next + 1) % mostEvents;
    }
    return suspect;
  }

  /** Asks the database whether it still has all that is known, and records where it has not. */
  async check(database: Database): Promise<void> {
    const heads = [...this.#heads.values()];
    if (heads.length === 0) return;
    const rows = await database.query<{ chain: string }>(lostChains, [JSON.stringify(heads)]);
    for (const { chain } of rows) await this.report(database, chain);
  }

  /** Records a loss, if it is one, and reports it once. Returns whether it is one. */
  async report(database: Database, chain: string): Promise<boolean> {
    const known = this.#heads.get(chain);
    if (known === undefined) return false;
    const rows = await database.query<{ lost: boolean }>(reportLostHistory, [
      chain,
      known.number,
      known.link,
    ]);
    if (!firstRow(rows).lost) {
      // It holds after all, or its loss was acknowledged: from now on what is there counts.
      this.#heads.delete(chain);
      this.#reported.delete(chain);
      return false;
    }
    if (this.#reported.get(chain) !== known.number) {
      this.#reported.set(chain, known.number);
      this.#onLoss({ ...known, gone: await this.#gone(database, chain) });
    }
    return true;
  }

  async #gone(database: Database, chain: string): Promise<RecordedEvent[]> {
    const mine = this.#recent.filter((event) => event.chain === chain);
    const rows = await database.query<{ id: string }>('select id from audit_events where id = any($1)', [
      mine.map(({ id }) => id),
    ]);
    const there = new Set(rows.map(({ id }) => id));
    return mine
      .filter(({ id }) => !there.has(id))
      .map(({ id, requestId, operationId }) => ({ id, requestId, operationId }));
  }
}

/** Whether the database refused an act because the trail has lost events (SQLSTATE BF001). */
export function isHistoryLost(error: unknown): boolean {
  return error instanceof CallFailed && (error.cause as { code?: unknown } | undefined)?.code === 'BF001';
}
