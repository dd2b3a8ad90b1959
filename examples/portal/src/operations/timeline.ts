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
  if (status === 'rejected') add('rejected', approval?.at ?? movedAt, 'now');
  else if (approval !== null) add('approved', approval.at, status === 'approved' ? 'now' : 'done');
  if (status === 'expired') add('expired', movedAt, 'now');
  if (status === 'withdrawn') add('withdrawn', movedAt, 'now');

  if (sentAt === null) {
    if (isOver(operation)) return steps;
    if (status === 'awaiting_approval') add('approved', null, 'ahead');
    add('sent', null, 'ahead');
    add('end', null, 'ahead');
    return steps;
  }

  add('sent', sentAt, status === 'sent' ? 'now' : 'done');
  const now = supersededBy === null ? 'now' : 'done';
  if (status === 'unknown') add('unknown', movedAt, now);
  else if (watched.unknown !== undefined) add('unknown', watched.unknown, 'done');
  if (status === 'accepted') add('accepted', movedAt, now);
  else if (watched.accepted !== undefined) add('accepted', watched.accepted, 'done');
  if (status === 'completed') add('completed', movedAt, 'now');
  else if (status === 'failed') add('failed', movedAt, 'now');
  else if (supersededBy !== null) add('superseded', null, 'now');
  else add('end', null, 'ahead');
  return steps;
}
