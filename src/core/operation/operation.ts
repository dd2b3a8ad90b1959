import type { ConnectionState } from './connection.ts';
import type { OperationStatus } from './life.ts';
import type { ConcludedFrom, KeptOutcome } from './outcome.ts';

export type Person = { readonly oid: string; readonly name: string | null };

/** One disconnect, from the request to its end. Times are ISO 8601 in UTC, by the database's clock. */
export type Operation = {
  readonly id: string;
  readonly tenantId: string;
  readonly status: OperationStatus;
  readonly requester: Person & { readonly clientId: string };
  readonly reason: string | null;
  readonly ticket: string | null;
  /** The connection as it was before the act: whatever is concluded is concluded about this id. */
  readonly connection: ConnectionState;
  /** What Graph got as `client-request-id` with the act. */
  readonly requestId: string;
  readonly graphRequestId: string | null;
  /** `chromeOSOnboardingStatus` as Graph said it, in its answer or when read. */
  readonly value: string | null;
  readonly concludedFrom: ConcludedFrom | null;
  /** Why it has its status, for people. */
  readonly explanation: string | null;
  readonly approval: {
    readonly approver: Person;
    readonly reason: string;
    readonly at: string;
  } | null;
  /** The request for approval that Intune filed for it, under the code by which Intune knows it. */
  readonly intuneApproval: { readonly code: string; readonly filedAt: string } | null;
  readonly supersedes: string | null;
  readonly supersededBy: string | null;
  readonly requestedAt: string;
  readonly sentAt: string | null;
  /** When it came to its status. */
  readonly movedAt: string;
  /** Until when it can be approved and executed, here or in Intune. */
  readonly expiresAt: string | null;
  /** How long it took from sending to its end. */
  readonly tookMs: number | null;
};

/** An operation as the database had it at one moment, with what its clock said then. No other clock decides
 *  what has been too long: those of replicas differ, and a paused machine's stands still. */
export type StoredOperation = Operation & {
  /** From sending to the moment it was read, in milliseconds; `null` where it was not sent. */
  readonly sinceSentMs: number | null;
  /** From its last move to the moment it was read, in milliseconds. */
  readonly sinceMovedMs: number;
  /** A justification was sent for it, or was about to be: Intune may keep a request for approval, known or not. */
  readonly mayBeFiled: boolean;
  /** The sender's lease has ended, or the time for approval has. */
  readonly overdue: boolean;
};

/** What a move may change besides the status. */
export type OperationChange = Partial<
  Pick<Operation, 'requestId' | 'graphRequestId' | 'value' | 'concludedFrom' | 'explanation' | 'connection'>
> & {
  /** Who approved or rejected it; the database adds when. */
  readonly approval?: Omit<NonNullable<Operation['approval']>, 'at'>;
  /** Filed in Intune; the database adds when, and until when by its clock. */
  readonly intuneApproval?: { readonly code: string; readonly expiresInMs: number };
  /** What a repetition with the same idempotency key will be answered; `null` frees the key. */
  readonly answer?: KeptOutcome | null;
};
