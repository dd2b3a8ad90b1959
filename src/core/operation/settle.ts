import { type ConnectionState, disconnectingStatuses, type SeenConnection } from './connection.ts';
import { intuneApprovalMs, isKeptByIntune, outcomeOfIntuneStatus } from './intune-approval.ts';
import type { StoredOperation } from './operation.ts';
import type { Outcome } from './outcome.ts';

/** What time, a read of the connection, and the status of the request for approval that Intune filed make of an
 *  operation: its next status, or `null` where they say nothing new. `seen` and `intuneStatus` are `null` where nobody
 *  read them. Reading, watching, the sweep, the next call and a dry run all go by this.
 *
 *  What was seen must be from after the operation was read: only then is `sinceSentMs` no longer than the time
 *  that had truly passed when somebody read it. */
export function nextOutcome(
  operation: StoredOperation,
  seen: SeenConnection | null,
  settleAfterMs: number,
  intuneStatus: string | null = null,
): Outcome | null {
  const { status, overdue, supersededBy } = operation;
  switch (status) {
    case 'awaiting_approval':
    case 'approved':
      return overdue ? approvalExpired : outcomeWithoutConnection(operation, seen);
    case 'sent':
      return overdue ? leaseEnded(operation) : null;
    case 'awaiting_intune_approval':
    case 'approved_in_intune':
      return (
        outcomeOfIntuneStatus(operation, intuneStatus) ??
        filedWithoutConnection(operation, seen, intuneStatus) ??
        (overdue ? intuneRequestEnded : null)
      );
    case 'accepted':
    case 'unknown': {
      if (supersededBy !== null) return null;
      // The connection first: the request in Intune is one way to disconnect, and there are others.
      const found = seen && conclude({ ...operation, status }, seen, settleAfterMs, intuneStatus);
      return found ?? (status === 'unknown' ? outcomeOfIntuneStatus(operation, intuneStatus) : null);
    }
    case 'completed':
    case 'failed':
    case 'rejected':
    case 'expired':
    case 'withdrawn':
      return null;
  }
}

/** Nobody approved and executed it in time. */
const approvalExpired: Outcome = {
  status: 'expired',
  value: null,
  concludedFrom: 'time',
  explanation: 'Nobody approved and executed it in time.',
  graphRequestId: null,
  reported: true,
};

/** The time alone does not say how the request in Intune ended: it may have been completed there unseen. */
const intuneRequestEnded: Outcome = {
  status: 'unknown',
  value: null,
  concludedFrom: 'time',
  explanation:
    'Intune keeps a request for approval for three days, and these are over. It may have been completed there meanwhile: nobody looked.',
  graphRequestId: null,
  reported: false,
};

/** A sender whose lease has ended leaves it `unknown`: its work is never sent again by another. */
function leaseEnded({ mayBeFiled }: StoredOperation): Outcome {
  const filed = mayBeFiled ? ' Intune may keep a request for approval of it.' : '';
  return {
    status: 'unknown',
    value: null,
    concludedFrom: 'lease',
    explanation: `The sender recorded no outcome while it held the slot: it may have stopped before or after Graph acted.${filed}`,
    graphRequestId: null,
    reported: false,
  };
}

/** Where the connection is gone there is nothing left to approve or execute. */
function outcomeWithoutConnection(
  { connection }: StoredOperation,
  seen: SeenConnection | null,
): Outcome | null {
  if (seen === null || shows(seen, connection)) return null;
  return byReading('expired', null, 'The connection it was about is gone.');
}

/** Where the connection is gone, and Intune still keeps the request, it was not the request that ended it. What Intune
 *  says must be from after what was seen: a request that was completed meanwhile may be why the connection is gone. */
function filedWithoutConnection(
  { connection, intuneApproval }: StoredOperation,
  seen: SeenConnection | null,
  intuneStatus: string | null,
): Outcome | null {
  if (!isKeptByIntune(intuneStatus) || seen === null || shows(seen, connection)) return null;
  return byReading(
    'expired',
    null,
    `The connection it was about is gone, and was not ended by the request ${intuneApproval?.code}, which still waits in Intune. Cancel it there: whoever completes it ends whatever connection the tenant has then.`,
  );
}

/** Whether what was seen shows the connection of that id. */
export function shows({ members }: SeenConnection, connection: Pick<ConnectionState, 'id'>): boolean {
  return members.some(({ id }) => id === connection.id);
}

/** What a read of the connection says about an operation that was carried out, or may have been; `null` where
 *  it says nothing new. Only the connection id that the operation was about counts: another connection never
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
 *  completed at any moment: from when that ends, and for `unknown` not at all while Intune still shows the request
 *  (`intuneStatus`). One that was completed in Intune: from when that was found.
 */
export function conclude(
  operation: Pick<
    StoredOperation,
    'connection' | 'sinceSentMs' | 'sinceMovedMs' | 'concludedFrom' | 'mayBeFiled'
  > & { readonly status: 'sent' | 'accepted' | 'unknown' },
  seen: SeenConnection,
  settleAfterMs: number,
  intuneStatus: string | null = null,
): Outcome | null {
  const { status, connection: before } = operation;
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
  if (status === 'unknown' && intuneStatus !== null) return null;
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
