import { disconnectingStatuses, type SeenConnection } from './connection.ts';
import { intuneApprovalMs, outcomeOfWord } from './intune-approval.ts';
import { awaitsIntune, awaitsOutcome, awaitsPeople } from './life.ts';
import type { StoredOperation } from './operation.ts';
import type { Outcome } from './outcome.ts';

/** What time, a read of the connection, and what Intune says of the request for approval it filed make of an
 *  operation: its next status, or `null` where they say nothing new. `seen` and `word` are `null` where nobody read
 *  them. Reading, watching, the sweep, the next call and a dry run all go by this.
 *
 *  What was seen must be from after the operation was read: only then is `sinceSentMs` no longer than the time
 *  that had truly passed when somebody read it. */
export function nextOutcome(
  operation: StoredOperation,
  seen: SeenConnection | null,
  settleAfterMs: number,
  word: string | null = null,
): Outcome | null {
  if (awaitsIntune(operation)) return outcomeOfWord(operation, word) ?? outcomeOfTime(operation);
  if (operation.overdue) return outcomeOfTime(operation);
  if (awaitsPeople(operation)) {
    if (seen === null) return null;
    if (seen.members.some(({ id }) => id === operation.connection.id)) return null;
    return byReading('expired', null, 'The connection it was about is gone.');
  }
  if (!awaitsOutcome(operation)) return null;
  // What the connection shows goes first: Intune's word is about one way to disconnect, and there are others.
  const concluded = seen === null ? null : conclude(operation, seen, settleAfterMs, word);
  return concluded ?? (operation.status === 'unknown' ? outcomeOfWord(operation, word) : null);
}

/** A sender whose lease has ended leaves it `unknown`: its work is never sent again by another. What nobody
 *  approved and executed in time has `expired`. Of a request in Intune the time alone does not say how it ended: it may
 *  have been completed there while nobody looked. */
function outcomeOfTime(operation: StoredOperation): Outcome | null {
  if (!operation.overdue) return null;
  const common = { value: null, graphRequestId: null };
  if (operation.status === 'sent') {
    const filed = operation.mayBeFiled ? ' Intune may keep a request for approval of it.' : '';
    const explanation = `The sender recorded no outcome while it held the slot: it may have stopped before or after Graph acted.${filed}`;
    return { ...common, status: 'unknown', concludedFrom: 'lease', explanation, reported: false };
  }
  if (awaitsIntune(operation)) {
    const explanation =
      'Intune keeps a request for approval for three days, and these are over. It may have been completed there meanwhile: nobody looked.';
    return { ...common, status: 'unknown', concludedFrom: 'time', explanation, reported: false };
  }
  if (!awaitsPeople(operation)) return null;
  const explanation = 'Nobody approved and executed it in time.';
  return { ...common, status: 'expired', concludedFrom: 'time', explanation, reported: true };
}

/** What a read of the connection says about an operation that was carried out, or may have been; `null` where
 *  it says nothing new. It speaks only of the connection id the operation was about: another connection never
 *  makes it a failure.
 *
 *  | the connection of that id            | `sent`, no usable answer | `accepted`  | `unknown`   |
 *  | ------------------------------------ | ------------------------ | ----------- | ----------- |
 *  | gone                                 | `accepted`               | `completed` | `completed` |
 *  | turned to offboarding or inprogress  | `accepted`               |             | `accepted`  |
 *  | turned to failed                     |                          | `failed`    | `failed`    |
 *  | onboarded or failed as before, later |                          | `failed`    | `failed`    |
 *  | than `settleAfterMs` after sending   |                          |             |             |
 *
 *  The last row counts from later where Intune's own approval has a part in it. A request that Intune keeps may be
 *  completed at any moment: from when that ends, and for `unknown` not at all while Intune has a word for it (`word`).
 *  One that was completed in Intune: from when that was found.
 */
export function conclude(
  operation: Pick<
    StoredOperation,
    'status' | 'connection' | 'sinceSentMs' | 'sinceMovedMs' | 'concludedFrom' | 'mayBeFiled'
  >,
  seen: SeenConnection,
  settleAfterMs: number,
  word: string | null = null,
): Outcome | null {
  const { status, connection: before } = operation;
  if (status !== 'sent' && status !== 'accepted' && status !== 'unknown') return null;
  const after = seen.members.find((member) => member.id === before.id);
  if (after === undefined) {
    return byReading(status === 'sent' ? 'accepted' : 'completed', null, 'The connection is gone.');
  }
  const value = after.status;
  const turned = value !== before.status;
  if (disconnectingStatuses.includes(value)) {
    if (status === 'accepted' || !turned) return null;
    return byReading('accepted', value, `The connection turned from ${before.status} to ${value}.`);
  }
  if (status === 'sent') return null;
  if (value === 'failed' && turned) return byReading('failed', value, 'Intune says that it failed.');
  if (status === 'unknown' && word !== null) return null;
  const sinceActMs = sinceActOf(operation);
  const mayBeFiled = operation.mayBeFiled || operation.concludedFrom === 'intune_approval';
  const patienceMs = status === 'unknown' && mayBeFiled ? intuneApprovalMs + settleAfterMs : settleAfterMs;
  if ((value === 'onboarded' || value === 'failed') && sinceActMs > patienceMs) {
    const minutes = Math.floor(sinceActMs / 60_000);
    return byReading('failed', value, `The connection is still ${value} ${minutes} minutes after sending.`);
  }
  return null;
}

/** Since when it has been carried out at the latest, in milliseconds: since it was sent; or, where somebody completed
 *  it in Intune, since that was found. */
export function sinceActOf({
  status,
  concludedFrom,
  sinceSentMs,
  sinceMovedMs,
}: Pick<StoredOperation, 'status' | 'concludedFrom' | 'sinceSentMs' | 'sinceMovedMs'>): number {
  const completedInIntune = status === 'accepted' && concludedFrom === 'intune_approval';
  return completedInIntune ? sinceMovedMs : (sinceSentMs ?? 0);
}

function byReading(status: Outcome['status'], value: string | null, explanation: string): Outcome {
  return { status, value, explanation, concludedFrom: 'reading', graphRequestId: null, reported: true };
}
