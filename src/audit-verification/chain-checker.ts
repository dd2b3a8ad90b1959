import { ChainProofs, type ChainReport, type CheckerOptions } from './chain-proofs.ts';
import { type Columns, checkColumns } from './columns.ts';
import { Finding, type FindingKind, type Findings } from './finding.ts';
import { digestOf, genesisOf, nextLink } from './format/audit-chain.ts';
import { isCanonical } from './format/canonical-json.ts';
import type { Statement } from './format/statement.ts';
import { acknowledgedIn, type Loss } from './lost-history.ts';
import type { FoundStatement } from './statements.ts';

/** An event as it was stored. `digest` and `link` are in hexadecimal. */
export type FoundEvent = {
  readonly number: number;
  readonly text: string;
  readonly digest: string;
  /** Its columns, if it was stored with some. */
  readonly link?: string;
  readonly columns?: Columns;
  /** False if it is not written the way the service writes it. */
  readonly wellWritten?: boolean;
};

/** Checks one chain, entry by entry from the oldest on, whether it comes from the database or from an
 *  export. Remembers only the last link. Reports everything that is wrong, and after each finding continues from what
 *  is stored, so that one alteration is found once. */
export class ChainChecker {
  readonly chain: string;
  readonly #findings: Findings;
  readonly #proofs: ChainProofs;
  #number = 0;
  #omitted = 0;
  /** Of the last event; `null` where it is not known, after a gap in an export. */
  #link: Buffer | null;
  #lastTime = Number.NaN;

  constructor(chain: string, options: CheckerOptions) {
    this.chain = chain;
    this.#link = genesisOf(chain);
    this.#findings = options.findings;
    this.#proofs = new ChainProofs(chain, options);
  }

  /** The number of the last entry. */
  get number(): number {
    return this.#number;
  }

  /** The time of the last event, in milliseconds since the epoch; not a number where there was none. */
  get lastTime(): number {
    return this.#lastTime;
  }

  /** What retention says it has removed; the chain now begins after the last of it. */
  removed(found: FoundStatement): Statement | null {
    const statement = this.#proofs.removal(found);
    if (statement === null) return null;
    if (statement.number < this.#number) {
      this.#add('wrong_number', this.#number, 'The removal statements are not in order.');
    }
    this.#number = statement.number;
    this.#link = Buffer.from(statement.link, 'hex');
    this.#proofs.reached(this.#number, this.#link);
    return statement;
  }

  /** There are no more statements about what retention removed. */
  begun(): void {
    this.#proofs.begun();
  }

  event(found: FoundEvent): void {
    if (!this.#expect(found.number, found.link)) return;
    if (digestOf(found.text).toString('hex') !== found.digest) {
      this.#add(
        'altered_event',
        found.number,
        `Event ${found.number} was altered: its text does not match the digest stored with it.`,
      );
    }
    this.#advance(Buffer.from(found.digest, 'hex'), found.link);
    const event = parsed(found.text);
    if (event === null || found.wellWritten === false || !isCanonical(found.text, event)) {
      this.#add(
        'malformed',
        found.number,
        `Event ${found.number} is not canonical JSON as the service writes it.`,
      );
    }
    if (event !== null) {
      this.#findings.caught(() => checkColumns(this.chain, found.number, event, found.columns ?? null));
      this.#lastTime = Date.parse(String(event.time));
      this.#proofs.event(found.number, event.time);
      const loss = acknowledgedIn(found.number, event);
      if (loss !== null) this.#proofs.lost(loss);
    }
    this.#proofs.reached(this.#number, this.#link);
  }

  /** An event that an export leaves out. */
  omitted(found: { readonly number: number; readonly digest: string; readonly allowed: boolean }): void {
    if (!this.#expect(found.number)) return;
    this.#advance(Buffer.from(found.digest, 'hex'));
    this.#omitted += 1;
    if (!found.allowed) {
      this.#add(
        'omitted_event',
        found.number,
        `Event ${found.number} is left out, but the export was not filtered.`,
      );
    }
    this.#proofs.reached(this.#number, this.#link);
  }

  /** A checkpoint stored with the chain, after the event it is about. Returns it if one of the given keys signed it. */
  checkpoint(found: FoundStatement): Statement | null {
    return this.#proofs.checkpoint(found, this.#number, this.#link);
  }

  /** A loss that was reported and that nobody has acknowledged. */
  reported(loss: Loss): void {
    this.#proofs.lost(loss);
  }

  /** The head, which is stored apart from the events; `null` if it is gone. `now` is the time of what is
   *  checked, in milliseconds since the epoch. */
  end(head: { readonly number: number; readonly link: string } | null, now: number): ChainReport {
    if (head !== null && head.number > this.#number) {
      this.#add(
        'cut',
        this.#number,
        `The head says that the chain has ${head.number} events, but the last one here is ${this.#number}: events were cut off its end, or the head was altered.`,
      );
    }
    this.#proofs.end(this.#number, now);
    if (head === null) {
      if (this.#number > 0) {
        this.#add(
          'altered_head',
          this.#number,
          `The head of the chain is gone; its last event is ${this.#number}.`,
        );
      }
    } else if (head.number < this.#number || (head.number === this.#number && this.#differs(head.link))) {
      this.#add(
        'altered_head',
        this.#number,
        `The head was altered: it says event ${head.number} with the link ${head.link.slice(0, 16)}…, the chain ends with event ${this.#number} and the link ${this.#link?.toString('hex').slice(0, 16)}….`,
      );
    }
    return { ...this.#proofs.report(this.#number), omitted: this.#omitted };
  }

  #differs(link: string): boolean {
    return this.#link !== null && link !== this.#link.toString('hex');
  }

  /** Whether an event of that number can be taken; reports what is missing before it. */
  #expect(number: number, link?: string): boolean {
    const expected = this.#number + 1;
    this.#proofs.beforeEvent();
    if (number === expected) return true;
    if (!(number > expected)) {
      this.#add(
        'wrong_number',
        expected,
        `Event ${number} is where event ${expected} belongs: the order was changed, or an event is there twice.`,
      );
      return false;
    }
    const missing =
      number - 1 === expected ? `Event ${expected} is` : `Events ${expected} to ${number - 1} are`;
    const removed = expected === 1 ? ', and no signed statement says that retention removed anything' : '';
    this.#add('wrong_number', expected, `${missing} missing: event ${number} comes next${removed}.`);
    this.#number = number - 1;
    this.#link = null;
    return Number.isSafeInteger(number) || link !== undefined;
  }

  #advance(digest: Buffer, stored?: string): void {
    this.#number += 1;
    const link = this.#link === null ? null : nextLink(this.#link, digest);
    if (link !== null && stored !== undefined && stored !== link.toString('hex')) {
      this.#add(
        'broken_link',
        this.#number,
        `The link at event ${this.#number} is broken: this event, or one before it, is not the one the chain was made with.`,
      );
    }
    this.#link = stored === undefined ? link : Buffer.from(stored, 'hex');
  }

  #add(kind: FindingKind, number: number, message: string): void {
    this.#findings.add(new Finding(kind, { chain: this.chain, number }, message));
  }
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
