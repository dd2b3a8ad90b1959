import type { Operation, Profile } from '../api/types.ts';

type Who = {
  readonly me: Pick<Profile, 'oid'>;
  readonly may: (permission: Profile['permissions'][number]) => boolean;
};

/** Whether the person could take the next step of an operation: decide about another's, or carry out their
 *  own. */
export function waitsFor({ me, may }: Who, operation: Pick<Operation, 'status' | 'requester'>): boolean {
  const mine = operation.requester.oid === me.oid;
  if (operation.status === 'awaiting_approval') return !mine && may('approve');
  return operation.status === 'approved' && mine && may('disconnect');
}

/** From when on an accepted operation may be taken over, in milliseconds after sending (the service's
 *  `disconnect.settleAfterMs`). */
const settleAfterMs = 15 * 60_000;

/** Whether a new disconnect may take over from this one: its end is not known, or long overdue. */
export function mayBeTakenOver(
  { status, sentAt, supersededBy }: Pick<Operation, 'status' | 'sentAt' | 'supersededBy'>,
  now: number,
): boolean {
  if (supersededBy !== null) return false;
  if (status === 'unknown') return true;
  return status === 'accepted' && sentAt !== null && now - Date.parse(sentAt) > settleAfterMs;
}
