import type { Operation, Profile } from '../api/types.ts';

type Who = {
  readonly me: Pick<Profile, 'oid'>;
  readonly may: (permission: Profile['permissions'][number]) => boolean;
};

/** Whether its requester may carry it out. */
export function isApproved({ status }: Pick<Operation, 'status'>): boolean {
  return status === 'approved' || status === 'approved_in_intune';
}

/** Whether its request for approval is filed in Intune, where it may be completed at any moment. */
export function waitsForIntune({ status }: Pick<Operation, 'status'>): boolean {
  return status === 'awaiting_intune_approval' || status === 'approved_in_intune';
}

/** Whether the person could take the next step of an operation: decide about another's, or carry out their
 *  own. */
export function waitsFor({ me, may }: Who, operation: Pick<Operation, 'status' | 'requester'>): boolean {
  const mine = operation.requester.oid === me.oid;
  if (operation.status === 'awaiting_approval') return !mine && may('approve');
  return isApproved(operation) && mine && may('disconnect');
}

/** From when on an accepted operation may be taken over, in milliseconds after sending, or after it was found to be
 *  completed in Intune (the service's `disconnect.settleAfterMs`). */
const settleAfterMs = 15 * 60_000;

/** Whether a new disconnect may take over from this one: its end is not known, or long overdue. */
export function mayBeTakenOver(
  {
    status,
    sentAt,
    movedAt,
    concludedFrom,
    supersededBy,
  }: Pick<Operation, 'status' | 'sentAt' | 'movedAt' | 'concludedFrom' | 'supersededBy'>,
  now: number,
): boolean {
  if (supersededBy !== null) return false;
  if (status === 'unknown') return true;
  const since = concludedFrom === 'intune_approval' ? movedAt : sentAt;
  return status === 'accepted' && since !== null && now - Date.parse(since) > settleAfterMs;
}
