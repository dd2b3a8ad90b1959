import type { Operation, OperationStatus } from '../api/types.ts';

/** A step of an operation's life. `ahead` has not come yet and may never. */
export type Step = {
  readonly name:
    | 'requested'
    | 'awaiting_approval'
    | 'approved'
    | 'rejected'
    | 'expired'
    | 'withdrawn'
    | 'sent'
    | 'awaiting_intune_approval'
    | 'approved_in_intune'
    | 'accepted'
    | 'unknown'
    | 'superseded'
    | 'completed'
    | 'failed'
    | 'end';
  readonly when: string | null;
  readonly state: 'done' | 'now' | 'ahead';
};

const ended: ReadonlySet<OperationStatus> = new Set([
  'completed',
  'failed',
  'rejected',
  'expired',
  'withdrawn',
]);

/** Whether it will never move again. */
export function isOver({ status, supersededBy }: Pick<Operation, 'status' | 'supersededBy'>): boolean {
  return ended.has(status) || supersededBy !== null;
}

/** When an operation came to where it no longer stands. It tells only the last move itself; those between
 *  are known to whoever watched it, and to the audit trail. */
export type Watched = Partial<Record<OperationStatus, string>>;

/** The operation's life so far and what comes next, as far as it is known here. */
export function timelineOf(operation: Operation, watched: Watched = {}): Step[] {
  const { status, approval, requestedAt, sentAt, movedAt, expiresAt, supersededBy } = operation;
  const steps: Step[] = [{ name: 'requested', when: requestedAt, state: 'done' }];
  const add = (name: Step['name'], when: string | null, state: Step['state']) =>
    steps.push({ name, when, state });

  const needsApproval = approval !== null || expiresAt !== null;
  if (needsApproval && status === 'awaiting_approval') add('awaiting_approval', null, 'now');
  // What a second person here decides comes before it is sent; what Intune's people decide, after.
  const refused = status === 'rejected' || status === 'expired' || status === 'withdrawn' ? status : null;
  if (refused === 'rejected' && sentAt === null) add('rejected', approval?.at ?? movedAt, 'now');
  else if (approval !== null) add('approved', approval.at, status === 'approved' ? 'now' : 'done');

  if (sentAt === null) {
    if (refused !== null && refused !== 'rejected') add(refused, movedAt, 'now');
    if (isOver(operation)) return steps;
    if (status === 'awaiting_approval') add('approved', null, 'ahead');
    add('sent', null, 'ahead');
    add('end', null, 'ahead');
    return steps;
  }

  addSending(operation, watched, add);
  const now = supersededBy === null ? 'now' : 'done';
  if (status === 'unknown') add('unknown', movedAt, now);
  else if (watched.unknown !== undefined) add('unknown', watched.unknown, 'done');
  if (status === 'accepted') add('accepted', movedAt, now);
  else if (watched.accepted !== undefined) add('accepted', watched.accepted, 'done');
  if (status === 'completed') add('completed', movedAt, 'now');
  else if (status === 'failed') add('failed', movedAt, 'now');
  else if (refused !== null) add(refused, movedAt, 'now');
  else if (supersededBy !== null) add('superseded', null, 'now');
  else add('end', null, 'ahead');
  return steps;
}

/** From sending on, with what Intune's own approval has a part in: it was filed by the first sending, and what was
 *  approved there is sent once more. */
function addSending(
  { status, sentAt, movedAt, intuneApproval }: Operation,
  watched: Watched,
  add: (name: Step['name'], when: string | null, state: Step['state']) => void,
): void {
  const sending = status === 'sent' ? 'now' : 'done';
  if (intuneApproval === null) {
    add('sent', sentAt, sending);
    return;
  }
  const { filedAt } = intuneApproval;
  const executed = sentAt !== null && sentAt > filedAt;
  add('sent', executed ? null : sentAt, 'done');
  add('awaiting_intune_approval', filedAt, status === 'awaiting_intune_approval' ? 'now' : 'done');
  if (status === 'approved_in_intune') {
    // Sent once more, and certainly not carried out: approved as before.
    if (executed) add('sent', sentAt, 'done');
    add('approved_in_intune', movedAt, 'now');
    return;
  }
  const approvedAt = watched.approved_in_intune;
  if (executed || approvedAt !== undefined) add('approved_in_intune', approvedAt ?? null, 'done');
  else if (status === 'awaiting_intune_approval') add('approved_in_intune', null, 'ahead');
  if (executed) add('sent', sentAt, sending);
}
