import { type LostHead, lostHeadIn } from './format/lost-head.ts';
import type { Statement } from './format/statement.ts';

/** A loss that the database itself tells of. */
export type Loss = LostHead & {
  /** When it was acknowledged, or else reported; ISO 8601, UTC. */
  readonly time: string;
  /** Who acknowledged it, and the number of the event that says so; `null` where nobody has. */
  readonly acknowledged: { readonly by: string; readonly event: number } | null;
};

/** Outside checkpoints that differ from the chain, and the loss that is the reason. */
export type Explained = {
  readonly loss: Loss;
  /** The last outside checkpoint that the chain agrees with and that was made before the loss. */
  readonly since: Statement;
  readonly differing: readonly Statement[];
};

/** The loss that an event acknowledges; `null` for any other event. */
export function acknowledgedIn(number: number, event: Record<string, unknown>): Loss | null {
  const { event: kind, action, explanation, time, actor } = event;
  if (kind !== 'acknowledged' || action !== 'acknowledge_lost_history' || typeof time !== 'string')
    return null;
  const head = lostHeadIn(explanation);
  if (head === null) return null;
  const by = typeof actor === 'object' && actor !== null && 'name' in actor ? String(actor.name) : 'nobody';
  return { ...head, time, acknowledged: { by, event: number } };
}

/** Which losses explain that outside checkpoints differ from the chain. `agreeing` and `differing` are outside
 *  checkpoints; those of events beyond the chain's end differ. */
export function explainedBy(
  losses: readonly Loss[],
  agreeing: readonly Statement[],
  differing: readonly Statement[],
): Explained[] {
  return losses.flatMap((loss) => {
    const witness = witnessOf(loss, agreeing, differing);
    const since = witness && lastBefore(loss, witness, agreeing);
    if (since === null) return [];
    // What was made after it, or is of an event before it, differs for another reason.
    const ofIt = differing.filter(({ number, time }) => number > since.number && !isLater(time, loss.time));
    return ofIt.length === 0 ? [] : [{ loss, since, differing: ofIt }];
  });
}

/** The outside checkpoint that bears out what a loss claims: that there was such an event, and that it is gone. */
function witnessOf(
  { number, link }: LostHead,
  agreeing: readonly Statement[],
  differing: readonly Statement[],
): Statement | null {
  const ofTheSame = differing.filter((statement) => statement.number === number);
  if (ofTheSame.length > 0) return ofTheSame.find((statement) => statement.link === link) ?? null;
  if (agreeing.some((statement) => statement.number === number && statement.link === link)) return null;
  // Nobody kept a checkpoint of that very event: then it lies before one that is gone as well.
  return differing.find((statement) => statement.number > number) ?? null;
}

/** Where the chain still was what it had been before the loss. A checkpoint made after it tells nothing of that. */
function lastBefore(
  { number }: LostHead,
  { time }: Statement,
  agreeing: readonly Statement[],
): Statement | null {
  return (
    agreeing.findLast((statement) => statement.number < number && !isLater(statement.time, time)) ?? null
  );
}

function isLater(time: string, other: string): boolean {
  // Negated, so that what is no time is later.
  return !(Date.parse(time) <= Date.parse(other));
}

/** What the trail says of a loss, as a clause. */
export function toldOf({ time, acknowledged }: Loss): string {
  return acknowledged === null
    ? `a process of the service reported it on ${time}, and nobody has acknowledged it yet`
    : `${acknowledged.by} acknowledged it on ${time} (event ${acknowledged.event})`;
}

/** The finding about it, in words. */
export function lostInWords({ loss, since, differing }: Explained): string {
  const to = differing.reduce((last, { number }) => Math.max(last, number), loss.number);
  const from = since.number + 1;
  const events =
    from === to ? `Event ${from} was lost` : `Events were lost, from ${from} or later up to ${to}`;
  return `${events}: of the outside checkpoints from before the loss, the last that the chain agrees with is of event ${since.number}. The trail says so itself: ${toldOf(loss)}.`;
}
