/** The life of an operation. This is the one place that names its statuses and the moves between them, and
 *  says which are open and which are final. The database's table of moves, its indexes, the API's description
 *  and the portal repeat it; tests hold them to it. */
export const operationStatuses = [
  'awaiting_approval',
  'approved',
  'sent',
  'awaiting_intune_approval',
  'approved_in_intune',
  'accepted',
  'completed',
  'failed',
  'unknown',
  'rejected',
  'expired',
  'withdrawn',
] as const;
export type OperationStatus = (typeof operationStatuses)[number];

/** Where an operation may move from each status. While it can move, it is open. */
const life: Readonly<Record<OperationStatus, readonly OperationStatus[]>> = {
  // A second person is to decide; nothing was sent.
  awaiting_approval: ['approved', 'rejected', 'expired', 'withdrawn'],
  // The requester may execute it; nothing was sent.
  approved: ['sent', 'expired', 'withdrawn'],
  // The attempt is on record: Graph has been asked, or is about to be.
  sent: ['awaiting_intune_approval', 'approved_in_intune', 'accepted', 'failed', 'unknown'],
  // Intune filed a request for approval (Multi Admin Approval); completing it there carries it out.
  awaiting_intune_approval: ['approved_in_intune', 'accepted', 'rejected', 'expired', 'withdrawn', 'unknown'],
  // Approved there: the requester may execute it here, or complete it in Intune.
  approved_in_intune: ['sent', 'accepted', 'rejected', 'expired', 'withdrawn', 'unknown'],
  // Graph took it on, which is all that its 200 promises.
  accepted: ['completed', 'failed'],
  // It is not known yet whether it was carried out.
  unknown: [
    'awaiting_intune_approval',
    'approved_in_intune',
    'accepted',
    'completed',
    'failed',
    'rejected',
    'expired',
    'withdrawn',
  ],
  // The connection is gone.
  completed: [],
  failed: [],
  rejected: [],
  expired: [],
  // The requester took it back before it was executed, here or in Intune.
  withdrawn: [],
};

/** Where an operation may begin. */
const firstStatuses: readonly OperationStatus[] = ['awaiting_approval', 'sent'];

/** In these an operation holds its tenant's one slot. */
export const openStatuses: readonly OperationStatus[] = operationStatuses.filter(
  (status) => !isFinal(status),
);

/** Where an operation may move from a status; `null` is before its beginning. */
export function movesFrom(status: OperationStatus | null): readonly OperationStatus[] {
  return status === null ? firstStatuses : life[status];
}

/** Nothing moves out of these. */
export function isFinal(status: OperationStatus): boolean {
  return life[status].length === 0;
}

type State = { readonly status: OperationStatus; readonly supersededBy: string | null };

/** It will never move again: it is final, or another operation took over from it. */
export function isSettled({ status, supersededBy }: State): boolean {
  return isFinal(status) || supersededBy !== null;
}

/** It was carried out, or may have been, and a read of the connection can still show how it ended. */
export function awaitsOutcome({ status, supersededBy }: State): boolean {
  return (status === 'accepted' || status === 'unknown') && supersededBy === null;
}

/** A request for approval is filed for it in Intune, and Intune's people decide: it is not carried out, and can be at
 *  any moment. */
export function awaitsIntune({ status }: Pick<State, 'status'>): boolean {
  return status === 'awaiting_intune_approval' || status === 'approved_in_intune';
}

/** It waits for people here, and nothing was sent for it yet. */
export function awaitsPeople({ status }: Pick<State, 'status'>): boolean {
  return status === 'awaiting_approval' || status === 'approved';
}
