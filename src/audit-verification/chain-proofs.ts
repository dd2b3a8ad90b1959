import { Finding, type FindingKind } from './finding.ts';
import type { Statement, Verifier } from './format/statement.ts';
import { checkStatement, type FoundStatement } from './statements.ts';

export type CheckerOptions = {
  readonly verifiers: ReadonlyMap<string, Verifier>;
  /** The outside checkpoints of this chain, lowest number first. */
  readonly outside: readonly Statement[];
};

/** What is known of a chain that has nothing wrong with it. */
export type ChainReport = {
  readonly chain: string;
  /** How many events it ever had. */
  readonly length: number;
  /** What retention removed. */
  readonly removal: Statement | null;
  /** The last event that a signed checkpoint covers; 0 where none does. */
  readonly provenTo: number;
  /** The signed checkpoint that covers most. */
  readonly lastSigned: Statement | null;
  readonly signedCheckpoints: number;
  readonly unsignedCheckpoints: number;
  readonly outsideCheckpoints: number;
  /** Events that an export leaves out and keeps the digest of: what they say can not be seen. */
  readonly omitted: number;
};

/** What is said of a chain, by checkpoints that stand with it and by others kept elsewhere, held against
 *  the chain itself. */
export class ChainProofs {
  readonly #chain: string;
  readonly #options: CheckerOptions;
  #nextOutside = 0;
  #ahead: Statement | null = null;
  #removal: Statement | null = null;
  #lastSigned: Statement | null = null;
  #signed = 0;
  #unsigned = 0;

  constructor(chain: string, options: CheckerOptions) {
    this.#chain = chain;
    this.#options = options;
  }

  removal(found: FoundStatement): Statement {
    const statement = this.#check(found, 'The statement of what retention removed', 'removal');
    if (statement.keyId === null) {
      this.#fail(
        'bad_signature',
        statement.number,
        `A statement says that retention removed events up to ${statement.number}, but nobody signed it.`,
      );
    }
    this.#removal = statement;
    return statement;
  }

  checkpoint(found: FoundStatement, number: number, link: Buffer): Statement {
    const statement = this.#check(found, 'A checkpoint', 'checkpoint');
    if (statement.number > number) this.#ahead ??= statement;
    else if (statement.number === number) this.#compare(statement, link, 'A checkpoint');
    else if (this.#removal === null || statement.number > this.#removal.number) {
      this.#fail(
        'wrong_number',
        statement.number,
        `The checkpoint of event ${statement.number} stands after event ${number}: the order was changed.`,
      );
    }
    this.#count(statement);
    return statement;
  }

  /** Entry `number` was reached, and with it that link: holds the outside checkpoints against it. */
  reached(number: number, link: Buffer | string): void {
    const { outside } = this.#options;
    for (;;) {
      const statement = outside[this.#nextOutside];
      if (statement === undefined || statement.number > number) return;
      this.#nextOutside += 1;
      // What retention removed can't be compared any more.
      if (statement.number < number) continue;
      this.#compare(statement, link, 'An outside checkpoint');
      this.#cover(statement);
    }
  }

  beforeEvent(): void {
    if (this.#ahead === null) return;
    this.#fail(
      'wrong_number',
      this.#ahead.number,
      `The checkpoint of event ${this.#ahead.number} stands before that event: the order was changed.`,
    );
  }

  end(number: number): void {
    const outside = this.#options.outside.at(-1);
    if (outside !== undefined && outside.number > number) {
      this.#fail(
        'cut',
        number,
        `An outside checkpoint of ${outside.time} knows event ${outside.number}, but the last one here is ${number}: events were cut off the end${
          number === 0 ? ', the whole chain' : ''
        } (or, for an export, it was made before that checkpoint).`,
      );
    }
    if (this.#ahead !== null) {
      this.#fail(
        'cut',
        number,
        `A checkpoint of ${this.#ahead.time} knows event ${this.#ahead.number}, but the last one here is ${number}: events were cut off the end.`,
      );
    }
  }

  report(length: number): Omit<ChainReport, 'omitted'> {
    return {
      chain: this.#chain,
      length,
      removal: this.#removal,
      provenTo: this.#lastSigned?.number ?? 0,
      lastSigned: this.#lastSigned,
      signedCheckpoints: this.#signed,
      unsignedCheckpoints: this.#unsigned,
      outsideCheckpoints: this.#options.outside.length,
    };
  }

  #check(found: FoundStatement, name: string, type: Statement['type']): Statement {
    const statement = checkStatement(this.#options.verifiers, found, { chain: this.#chain }, name);
    if (statement.type === type && statement.chain === this.#chain) return statement;
    this.#fail(
      'contradicted',
      statement.number,
      `${name} was put here from elsewhere: it is a ${statement.type} of the chain ${statement.chain}.`,
    );
  }

  #compare(statement: Statement, link: Buffer | string, name: string): void {
    const here = typeof link === 'string' ? link : link.toString('hex');
    if (statement.link === here) return;
    this.#fail(
      'contradicted',
      statement.number,
      `${name} of ${statement.time} (${statement.keyId === null ? 'unsigned' : `key ${statement.keyId}`}) contradicts the chain: up to event ${statement.number} the events are not those it was made over.`,
    );
  }

  #count(statement: Statement): void {
    if (statement.keyId === null) this.#unsigned += 1;
    else this.#signed += 1;
    this.#cover(statement);
  }

  #cover(statement: Statement): void {
    if (statement.keyId !== null && statement.number >= (this.#lastSigned?.number ?? 0)) {
      this.#lastSigned = statement;
    }
  }

  #fail(kind: FindingKind, number: number, words: string): never {
    throw new Finding(kind, { chain: this.#chain, number }, words);
  }
}
