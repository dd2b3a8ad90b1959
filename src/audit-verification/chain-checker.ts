import { ChainProofs, type ChainReport, type CheckerOptions } from './chain-proofs.ts';
import { type Columns, checkColumns } from './columns.ts';
import { Finding, type FindingKind } from './finding.ts';
import { digestOf, genesisOf, nextLink } from './format/audit-chain.ts';
import { isCanonical } from './format/canonical-json.ts';
import type { Statement } from './format/statement.ts';
import type { FoundStatement } from './statements.ts';

/** An event as it was found. `digest` and `link` are in hexadecimal. */
export type FoundEvent = {
  readonly number: number;
  readonly text: string;
  readonly digest: string;
  /** Where it was stored beside the event. */
  readonly link?: string;
  readonly columns?: Columns;
  /** False where it does not stand there as the service writes it. */
  readonly wellWritten?: boolean;
};

/** Checks one chain, which it is told entry by entry from the oldest on, whether that comes from the
 *  database or from an export. Remembers the last link and no more. Each method throws a `Finding` for
 *  the first thing that is wrong. */
export class ChainChecker {
  readonly chain: string;
  readonly #proofs: ChainProofs;
  #number = 0;
  #omitted = 0;
  #link: Buffer;

  constructor(chain: string, options: CheckerOptions) {
    this.chain = chain;
    this.#link = genesisOf(chain);
    this.#proofs = new ChainProofs(chain, options);
  }

  /** The number of the last entry. */
  get number(): number {
    return this.#number;
  }

  /** What retention says it has removed; the last of it is where the chain begins now. */
  removed(found: FoundStatement): void {
    const statement = this.#proofs.removal(found);
    if (statement.number < this.#number) {
      this.#fail('wrong_number', 'The removal statements are not in order.');
    }
    this.#number = statement.number;
    this.#link = Buffer.from(statement.link, 'hex');
    this.#proofs.reached(this.#number, statement.link);
  }

  event(found: FoundEvent): void {
    this.#expect(found.number);
    const digest = digestOf(found.text);
    if (digest.toString('hex') !== found.digest) {
      throw this.#finding(
        'altered_event',
        found.number,
        `Event ${found.number} was altered: its text does not have the digest that stands beside it.`,
      );
    }
    this.#advance(digest, found.link);
    const event = parsed(found.text);
    if (event === null || found.wellWritten === false || !isCanonical(found.text, event)) {
      this.#fail('malformed', `Event ${found.number} is not canonical JSON as the service writes it.`);
    }
    checkColumns(this.chain, found.number, event, found.columns ?? null);
    this.#proofs.reached(this.#number, this.#link);
  }

  /** An event that an export leaves out. */
  omitted(found: { readonly number: number; readonly digest: string }): void {
    this.#expect(found.number);
    this.#advance(Buffer.from(found.digest, 'hex'));
    this.#omitted += 1;
    this.#proofs.reached(this.#number, this.#link);
  }

  /** A checkpoint that stands with the chain, after the event it is about. */
  checkpoint(found: FoundStatement): Statement {
    return this.#proofs.checkpoint(found, this.#number, this.#link);
  }

  /** The head as it was written down apart from the events. */
  end(head: { readonly number: number; readonly link: string }): ChainReport {
    if (head.number > this.#number) {
      this.#fail(
        'cut',
        `The head says that the chain has ${head.number} events, but the last one here is ${this.#number}: events were cut off its end, or the head was altered.`,
      );
    }
    this.#proofs.end(this.#number);
    if (head.number < this.#number || head.link !== this.#link.toString('hex')) {
      this.#fail(
        'altered_head',
        `The head was altered: it says event ${head.number} with the link ${head.link.slice(0, 16)}…, the chain ends with event ${this.#number} and the link ${this.#link.toString('hex').slice(0, 16)}….`,
      );
    }
    return { ...this.#proofs.report(this.#number), omitted: this.#omitted };
  }

  #expect(number: number): void {
    const expected = this.#number + 1;
    this.#proofs.beforeEvent();
    if (number === expected) return;
    let words = `Event ${number} stands where event ${expected} belongs: the order was changed, or an event stands twice.`;
    if (number > expected) {
      const missing =
        number - 1 === expected ? `Event ${expected} is` : `Events ${expected} to ${number - 1} are`;
      words = `${missing} missing: event ${number} comes next${
        expected === 1 ? ', and no signed statement says that retention removed anything' : ''
      }.`;
    }
    throw this.#finding('wrong_number', expected, words);
  }

  #advance(digest: Buffer, stored?: string): void {
    this.#number += 1;
    this.#link = nextLink(this.#link, digest);
    if (stored !== undefined && stored !== this.#link.toString('hex')) {
      this.#fail(
        'broken_link',
        `The link at event ${this.#number} is broken: this event, or one before it, is not the one the chain was made with.`,
      );
    }
  }

  #finding(kind: FindingKind, number: number, words: string): Finding {
    return new Finding(kind, { chain: this.chain, number }, words);
  }

  #fail(kind: FindingKind, words: string): never {
    throw this.#finding(kind, this.#number, words);
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
