import { CheckpointLinks } from './checkpoint-links.ts';
import { Finding, type FindingKind, type Findings } from './finding.ts';
import { type Statement, statementDigest, type Verifier } from './format/statement.ts';
import { inWords, Lateness, type Waited } from './lateness.ts';
import { type Explained, explainedBy, type Loss, lostInWords } from './lost-history.ts';
import { checkStatement, type FoundStatement } from './statements.ts';

export type CheckerOptions = {
  readonly verifiers: ReadonlyMap<string, Verifier>;
  /** The outside checkpoints of this chain, lowest number first. */
  readonly outside: readonly Statement[];
  /** Collects everything that is wrong. */
  readonly findings: Findings;
  /** How long an event may wait for a signed checkpoint, in milliseconds. */
  readonly lateMs: number;
};

/** `explains`: how many outside checkpoints differ from the chain for that reason. */
export type ToldLoss = Loss & { readonly explains: number };

// Someone who can add events could add losses without end.
const mostLosses = 100;

/** What is known of a chain. */
export type ChainReport = {
  readonly chain: string;
  /** How many events it ever had. */
  readonly length: number;
  /** What retention removed. */
  readonly removal: Statement | null;
  /** The last event that a signed checkpoint covers; 0 where none does. */
  readonly provenTo: number;
  /** The signed checkpoint that covers least, and how long after the oldest event it covers it was made. */
  readonly firstSigned: {
    readonly number: number;
    readonly time: string;
    readonly afterSeconds: number;
  } | null;
  /** The signed checkpoint that covers most. */
  readonly lastSigned: Statement | null;
  readonly signedCheckpoints: number;
  readonly unsignedCheckpoints: number;
  readonly outsideCheckpoints: number;
  /** Losses that the database itself tells of. */
  readonly losses: readonly ToldLoss[];
  /** Events that an export leaves out, keeping their digests: their content cannot be seen. */
  readonly omitted: number;
};

/** The statements about a chain (the checkpoints stored with it and others kept elsewhere), compared with the chain
 *  itself. A link of `null` is unknown, after a gap. */
export class ChainProofs {
  readonly #chain: string;
  readonly #options: CheckerOptions;
  readonly #links = new CheckpointLinks();
  readonly #lateness = new Lateness();
  #nextOutside = 0;
  readonly #agreeing: Statement[] = [];
  readonly #differing: Statement[] = [];
  readonly #losses: Loss[] = [];
  #explained: readonly Explained[] = [];
  #ahead: Statement | null = null;
  #removal: Statement | null = null;
  #firstSigned: ChainReport['firstSigned'] = null;
  #lastSigned: Statement | null = null;
  #signed = 0;
  #unsigned = 0;

  constructor(chain: string, options: CheckerOptions) {
    this.#chain = chain;
    this.#options = options;
  }

  /** `null` for a statement that excuses nothing. */
  removal(found: FoundStatement): Statement | null {
    const statement = this.#check(found, 'The statement of what retention removed', 'removal');
    if (statement === null) return null;
    if (statement.keyId === null) {
      this.#add(
        'bad_signature',
        statement.number,
        `A statement says that retention removed events up to ${statement.number}, but nobody signed it.`,
      );
      return null;
    }
    this.#removal = statement;
    return statement;
  }

  /** Called when the checkpoints up to where retention stopped have been taken. */
  begun(): void {
    const { number, previous } = this.#removal ?? {};
    if (number === undefined || typeof previous !== 'string' || this.#links.has(previous)) return;
    this.#add(
      'checkpoint_gone',
      number,
      `The checkpoint of event ${number}, up to which retention removed, is gone.`,
    );
  }

  /** Returns the statement where a given key signed it. */
  checkpoint(found: FoundStatement, number: number, link: Buffer | null): Statement | null {
    const statement = this.#check(found, 'A checkpoint', 'checkpoint');
    if (statement === null) return null;
    if (statement.keyId === null) this.#unsigned += 1;
    // If there are keys, anybody who may call the service's functions can store an unsigned one.
    if (statement.keyId === null && this.#options.verifiers.size > 0) {
      if (statement.number !== number || statement.link === link?.toString('hex')) return null;
      this.#add(
        'bad_signature',
        number,
        `A checkpoint of event ${number} that nobody signed contradicts the chain.`,
      );
      return null;
    }
    const begins = this.#removal?.number ?? 0;
    if (statement.number > number) {
      this.#ahead ??= statement;
    } else if (statement.number < number && statement.number > begins) {
      this.#add(
        'wrong_number',
        statement.number,
        `The checkpoint of event ${statement.number} comes after event ${number}: the order was changed.`,
      );
    }
    const holds = statement.number === number && this.#agrees(statement, link, 'A checkpoint');
    if (statement.keyId === null) return null;
    this.#signed += 1;
    const afterRemoval = this.#removal !== null;
    const wrong = this.#links.next(statement, statementDigest(found.text), { afterRemoval });
    if (wrong !== null) this.#add(wrong.kind, statement.number, wrong.message);
    if (holds) this.#cover(statement);
    return statement;
  }

  /** Entry `number` was reached, and with it that link: compares the outside checkpoints with it. */
  reached(number: number, link: Buffer | null): void {
    const { outside } = this.#options;
    for (;;) {
      const statement = outside[this.#nextOutside];
      if (statement === undefined || statement.number > number) return;
      this.#nextOutside += 1;
      // What retention removed can no longer be compared.
      if (statement.number < number) continue;
      if (link === null || statement.link === link.toString('hex')) {
        if (link !== null) this.#agreeing.push(statement);
        this.#cover(statement);
      } else this.#differing.push(statement);
    }
  }

  /** The database itself says that the chain has lost events. Of very many the newest are kept. */
  lost(loss: Loss): void {
    this.#losses.push(loss);
    if (this.#losses.length > mostLosses) this.#losses.shift();
  }

  event(number: number, time: unknown): void {
    this.#lateness.event(number, Date.parse(String(time)));
  }

  beforeEvent(): void {
    if (this.#ahead === null) return;
    this.#add(
      'wrong_number',
      this.#ahead.number,
      `The checkpoint of event ${this.#ahead.number} comes before that event: the order was changed.`,
    );
    this.#ahead = null;
  }

  /** `now` is the time of what is checked, in milliseconds since the epoch. */
  end(number: number, now: number): void {
    this.#compareOutside(number);
    if (this.#ahead !== null) {
      this.#add(
        'cut',
        number,
        `A checkpoint of ${this.#ahead.time} knows event ${this.#ahead.number}, but the last one here is ${number}: events were cut off the end.`,
      );
    }
    const waiting = this.#lateness.waiting(now);
    if (waiting !== null)
      this.#reportLate(waiting, (events) => `${events} not signed yet, ${inWords(waiting.ms)} after`);
  }

  report(length: number): Omit<ChainReport, 'omitted'> {
    return {
      chain: this.#chain,
      length,
      removal: this.#removal,
      provenTo: this.#lastSigned?.number ?? 0,
      firstSigned: this.#firstSigned,
      lastSigned: this.#lastSigned,
      signedCheckpoints: this.#signed,
      unsignedCheckpoints: this.#unsigned,
      outsideCheckpoints: this.#options.outside.length,
      losses: this.#losses.map((loss) => ({
        ...loss,
        explains: this.#explained.find((each) => each.loss === loss)?.differing.length ?? 0,
      })),
    };
  }

  /** Tells where the chain, which ends with that number, is not what outside checkpoints saw, and whether it lost
   *  events or somebody made others. */
  #compareOutside(length: number): void {
    const beyond = this.#options.outside.filter(({ number }) => number > length);
    const differing = [...this.#differing, ...beyond];
    this.#explained = explainedBy(this.#losses, this.#agreeing, differing);
    for (const each of this.#explained) this.#add('lost', each.since.number + 1, lostInWords(each));
    const known = new Set(this.#explained.flatMap((each) => each.differing));
    for (const statement of this.#differing) {
      if (!known.has(statement)) this.#contradicted(statement, 'An outside checkpoint');
    }
    const last = beyond.findLast((statement) => !known.has(statement));
    if (last === undefined) return;
    this.#add(
      'cut',
      length,
      `An outside checkpoint of ${last.time} knows event ${last.number}, but the last one here is ${length}: events were cut off the end${
        length === 0 ? ', the whole chain' : ''
      } (or, for an export, it was made before that checkpoint).`,
    );
  }

  #check(found: FoundStatement, name: string, type: Statement['type']): Statement | null {
    const { findings, verifiers } = this.#options;
    const statement = findings.caught(() => checkStatement(verifiers, found, { chain: this.#chain }, name));
    if (statement === null || (statement.type === type && statement.chain === this.#chain)) return statement;
    this.#add(
      'contradicted',
      statement.number,
      `${name} was put here from elsewhere: it is a ${statement.type} of the chain ${statement.chain}.`,
    );
    return null;
  }

  #agrees(statement: Statement, link: Buffer | null, name: string): boolean {
    if (link === null || statement.link === link.toString('hex')) return true;
    this.#contradicted(statement, name);
    return false;
  }

  #contradicted(statement: Statement, name: string): void {
    this.#add(
      'contradicted',
      statement.number,
      `${name} of ${statement.time} (${statement.keyId === null ? 'unsigned' : `key ${statement.keyId}`}) contradicts the chain: up to event ${statement.number} the events are not those it was made over.`,
    );
  }

  #cover(statement: Statement): void {
    if (statement.keyId === null) return;
    if (statement.number >= (this.#lastSigned?.number ?? 0)) this.#lastSigned = statement;
    const { number, time } = statement;
    const waited = this.#lateness.covered(Date.parse(time));
    if (waited === null) return;
    const afterSeconds = Math.max(0, Math.round(waited.ms / 1000));
    this.#firstSigned ??= { number, time, afterSeconds };
    this.#reportLate(waited, (events) => `${events} first signed on ${time}, ${inWords(waited.ms)} after`);
  }

  #reportLate(waited: Waited, message: (events: string) => string): void {
    const { lateMs, verifiers } = this.#options;
    // If nothing was ever signed, nothing is late.
    if (waited.ms <= lateMs || verifiers.size === 0) return;
    const { from, to } = waited;
    const events = from === to ? `Event ${from} was` : `Events ${from} to ${to} were`;
    this.#add(
      'late',
      from,
      `${message(events)}: until then whoever owns the database could have rewritten them.`,
    );
  }

  #add(kind: FindingKind, number: number, message: string): void {
    this.#options.findings.add(new Finding(kind, { chain: this.#chain, number }, message));
  }
}
