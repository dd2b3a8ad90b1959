import { disconnectingStatuses, type SeenConnection } from './connection.ts';
import type { Operation, OperationStatus } from './operation.ts';

export type Conclusion = {
  readonly to: OperationStatus;
  /** As read; `null` where the connection is gone. */
  readonly value: string | null;
  readonly explanation: string;
};

/** What a look at the connection says about an operation that may have been carried out; `null` where
 *  it says nothing new. Watching, reading and the next call all use this one table, and it speaks only
 *  of the connection id the operation was about: another connection never makes it a failure.
 *
 *  | the connection of that id            | `sent`, no usable answer | `accepted`  | `unknown`   |
 *  | ------------------------------------ | ------------------------ | ----------- | ----------- |
 *  | gone                                 | `accepted`               | `completed` | `completed` |
 *  | turned to offboarding or inprogress  | `accepted`               |             | `accepted`  |
 *  | turned to failed                     |                          | `failed`    | `failed`    |
 *  | onboarded or failed as before, later |                          | `failed`    | `failed`    |
 *  | than `settleAfterMs` after sending   |                          |             |             |
 */
export function conclude(
  operation: Pick<Operation, 'status' | 'connection' | 'sentAt'>,
  seen: SeenConnection,
  now: number,
  settleAfterMs: number,
): Conclusion | null {
  const { status, connection: before } = operation;
  if (status !== 'sent' && status !== 'accepted' && status !== 'unknown') return null;
  const after = seen.members.find((member) => member.id === before.id);
  if (after === undefined) {
    return {
      to: status === 'sent' ? 'accepted' : 'completed',
      value: null,
      explanation: 'The connection is gone.',
    };
  }
  const value = after.status;
  const turned = value !== before.status;
  if (disconnectingStatuses.includes(value)) {
    if (status === 'accepted' || !turned) return null;
    return { to: 'accepted', value, explanation: `The connection turned from ${before.status} to ${value}.` };
  }
  if (status === 'sent') return null;
  if (value === 'failed' && turned) {
    return { to: 'failed', value, explanation: 'Intune says that it failed.' };
  }
  const sinceSent = operation.sentAt === null ? 0 : now - Date.parse(operation.sentAt);
  if ((value === 'onboarded' || value === 'failed') && sinceSent > settleAfterMs) {
    const minutes = Math.floor(sinceSent / 60_000);
    return {
      to: 'failed',
      value,
      explanation: `The connection is still ${value} ${minutes} minutes after sending.`,
    };
  }
  return null;
}
