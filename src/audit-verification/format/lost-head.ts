/** The last event of a chain that was seen before the chain lost it. */
export type LostHead = {
  readonly number: number;
  /** In hexadecimal. */
  readonly link: string;
};

/** What an event says in `explanation` that acknowledges a loss. `length` is how many events the chain had by then. */
export function explanationOf({ number, link, length }: LostHead & { readonly length: number }): string {
  return `events up to ${number} (link ${link}) had been on record; the chain had ${length} when this was written`;
}

const pattern =
  /^events up to (\d{1,15}) \(link ([0-9a-f]{64})\) had been on record; the chain had \d{1,15} when this was written$/;

/** The head that such an explanation names; `null` for any other text. */
export function lostHeadIn(explanation: unknown): LostHead | null {
  if (typeof explanation !== 'string') return null;
  const [, number, link] = pattern.exec(explanation) ?? [];
  return number === undefined || link === undefined ? null : { number: Number(number), link };
}
