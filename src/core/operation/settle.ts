import { disconnectingStatuses, type SeenConnection } from './connection.ts';
import { awaitsOutcome, awaitsPeople } from './life.ts';
import type { StoredOperation } from './operation.ts';
import type { Outcome } from './outcome.ts';

/** What time and a read of the connection make of an operation: its next status, or `null` where they say
 *  nothing new. `seen` is `null` where nobody read it. Reading, watching, the sweep, the next call and a dry run
 *  all go by this.
 *
 *  What was seen must be from after the operation was read: only then is `sinceSentMs` no longer than the time
 *  that had truly passed when somebody read it. */
export function nextOutcome(
  operation: StoredOperation,
  seen: SeenConnection | null,
  settleAfterMs: number,
): Outcome | null {
  if (operation.overdue) return outcomeOfTime(operation);
  if (seen === null) return null;
  if (awaitsPeople(operation)) {
    if (seen.members.some(({ id }) => id === operation.connection.id)) return null;
    return byReading('expired', null, 'The connection it was about is gone.');
  }
  return awaitsOutcome(operation) ? conclude(operation, seen, settleAfterMs) : null;
}

/** A sender whose lease has ended leaves it `unknown`: its work is never sent again by another. What nobody
 *  approved and executed in time has `expired`. */
function outcomeOfTime(operation: StoredOperation): Outcome | null {
  const common = { value: null, graphRequestId: null };
  if (operation.status === 'sent') {
    const explanation =
      'The sender recorded no outcome while it held the slot: it may have stopped before or after Graph acted.';
    return { ...common, status: 'unknown', concludedFrom: 'lease', explanation, reported: false };
  }
  if (!awaitsPeople(operation)) return null;
  const explanation = 'Nobody approved and executed it in time.';
  return { ...common, status: 'expired', concludedFrom: 'time', explanation, reported: true };
}

/** How long Intune keeps a request for approval, in milliseconds (Multi Admin Approval: three days). */
const intuneApprovalMs = 3 * 24 * 3600 * 1000;

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
 *  A request for approval that Intune filed may be completed for as long as Intune keeps it: the last row counts
 *  from the end of that.
 */
export function conclude(
  operation: Pick<StoredOperation, 'status' | 'connection' | 'sinceSentMs' | 'concludedFrom'>,
  seen: SeenConnection,
  settleAfterMs: number,
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
  const sinceSentMs = operation.sinceSentMs ?? 0;
  const filed = operation.concludedFrom === 'intune_approval';
  const patienceMs = filed ? intuneApprovalMs + settleAfterMs : settleAfterMs;
  if ((value === 'onboarded' || value === 'failed') && sinceSentMs > patienceMs) {
    const minutes = Math.floor(sinceSentMs / 60_000);
    return byReading('failed', value, `The connection is still ${value} ${minutes} minutes after sending.`);
  }
  return null;
}

function byReading(status: Outcome['status'], value: string | null, explanation: string): Outcome {
  return { status, value, explanation, concludedFrom: 'reading', graphRequestId: null, reported: true };
}
