import type { ConnectionState } from './connection.ts';

/** Where a disconnect stands. `accepted` is all that Graph's 200 promises; `completed` is that the
 *  connection is gone; `unknown` is that nobody can tell yet. */
export const operationStatuses = [
  'awaiting_approval',
  'approved',
  'sent',
  'accepted',
  'completed',
  'failed',
  'unknown',
  'rejected',
  'expired',
] as const;
export type OperationStatus = (typeof operationStatuses)[number];

/** The allowed moves, by where they start; `null` is where an operation begins. The database holds the
 *  same table and refuses every other move. */
export const moves: ReadonlyMap<OperationStatus | null, readonly OperationStatus[]> = new Map<
  OperationStatus | null,
  readonly OperationStatus[]
>([
  [null, ['awaiting_approval', 'sent']],
  ['awaiting_approval', ['approved', 'rejected', 'expired']],
  ['approved', ['sent', 'expired']],
  ['sent', ['accepted', 'failed', 'unknown']],
  ['accepted', ['completed', 'failed']],
  ['unknown', ['accepted', 'completed', 'failed']],
]);

/** In these an operation holds its tenant's one slot. */
export const openStatuses: readonly OperationStatus[] = [
  'awaiting_approval',
  'approved',
  'sent',
  'accepted',
  'unknown',
];

/** Nothing moves out of these. */
export function isFinal(status: OperationStatus): boolean {
  return !openStatuses.includes(status);
}

/** Whether the table allows the move. */
export function mayMove(from: OperationStatus | null, to: OperationStatus): boolean {
  return moves.get(from)?.includes(to) ?? false;
}

/** Whether it will never move again: it has ended, or another took over from it. */
export function isOver({ status, supersededBy }: Pick<Operation, 'status' | 'supersededBy'>): boolean {
  return isFinal(status) || supersededBy !== null;
}

/** Whether it was carried out, or may have been, and a look at the connection can still tell its end. */
export function endIsOpen({ status, supersededBy }: Pick<Operation, 'status' | 'supersededBy'>): boolean {
  return (status === 'accepted' || status === 'unknown') && supersededBy === null;
}

export type Person = { readonly oid: string; readonly name: string | null };

/** Where a conclusion comes from: Graph's answer to the act, a later read of the connection, the end of
 *  the sender's lease, or the clock. */
export type ConcludedFrom = 'answer' | 'reading' | 'lease' | 'time';

/** One disconnect, from the wish to its end. Times are ISO 8601 in UTC. */
export type Operation = {
  readonly id: string;
  readonly tenantId: string;
  readonly status: OperationStatus;
  readonly requester: Person & { readonly clientId: string };
  readonly reason: string | null;
  readonly ticket: string | null;
  /** The connection as it was before the act: whatever is concluded is concluded about this id. */
  readonly connection: ConnectionState;
  /** What Graph heard as `client-request-id` of the act. */
  readonly requestId: string;
  readonly graphRequestId: string | null;
  /** `chromeOSOnboardingStatus` as Graph said it, in its answer or when read. */
  readonly value: string | null;
  readonly concludedFrom: ConcludedFrom | null;
  /** Why it stands where it stands, for people. */
  readonly explanation: string | null;
  readonly approval: {
    readonly approver: Person;
    readonly reason: string;
    readonly at: string;
  } | null;
  readonly supersedes: string | null;
  readonly supersededBy: string | null;
  readonly requestedAt: string;
  readonly sentAt: string | null;
  /** When it came to where it stands. */
  readonly movedAt: string;
  /** Until when it can be approved and executed. */
  readonly expiresAt: string | null;
  /** How long it took from sending to its end. */
  readonly tookMs: number | null;
};

/** What a move may change besides the status. */
export type OperationChange = Partial<
  Pick<
    Operation,
    | 'requestId'
    | 'graphRequestId'
    | 'value'
    | 'concludedFrom'
    | 'explanation'
    | 'approval'
    | 'connection'
    | 'tookMs'
  >
> & {
  /** What a repetition with the same idempotency key will be answered; `null` frees the key. */
  readonly answer?: KeptAnswer | null;
};

/** The first answer to a call, as the core knows it. */
export type KeptAnswer = {
  readonly outcome: 'accepted' | 'failed' | 'unknown' | 'awaiting_approval';
  readonly value: string | null;
  readonly cause: string | null;
  readonly concludedFrom: ConcludedFrom | null;
  /** Of the call that got it. */
  readonly requestId: string;
};
