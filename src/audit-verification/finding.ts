/** What can be wrong with a trail, and the code a program exits with for it. A public interface: programs
 *  that watch the verifier tell by the code what happened. */
export const exitCodes = {
  altered_event: 10,
  wrong_number: 11,
  broken_link: 12,
  bad_signature: 13,
  unknown_key: 14,
  contradicted: 15,
  cut: 16,
  altered_columns: 17,
  altered_head: 18,
  malformed: 19,
  event_twice: 20,
} as const;

export type FindingKind = keyof typeof exitCodes;

/** The first thing wrong with a trail, and where. */
export class Finding extends Error {
  readonly kind: FindingKind;
  readonly chain: string | null;
  readonly number: number | null;

  constructor(kind: FindingKind, where: { chain: string | null; number?: number | null }, words: string) {
    super(words);
    this.name = 'Finding';
    this.kind = kind;
    this.chain = where.chain;
    this.number = where.number ?? null;
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}
