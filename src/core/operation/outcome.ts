import type { OperationStatus } from './life.ts';

/** What decided an outcome: Graph's answer to the act, a later read of the connection, the end of the sender's
 *  lease, the end of the time for approval, or what Intune's own Multi Admin Approval said. */
export const concludedFroms = ['answer', 'reading', 'lease', 'time', 'intune_approval'] as const;
export type ConcludedFrom = (typeof concludedFroms)[number];

/** How an act ended, or what is known of it so far. One shape, whether it is being recorded, kept for a repetition of
 *  the call, or answered to the caller. */
export type Outcome = {
  readonly status: OperationStatus;
  /** `chromeOSOnboardingStatus` as Graph said it, in its answer or when read. */
  readonly value: string | null;
  readonly concludedFrom: ConcludedFrom | null;
  /** For people. */
  readonly explanation: string | null;
  /** Of Graph's answer to the act. */
  readonly graphRequestId: string | null;
  /** Under which Intune knows the request for approval that it filed. */
  readonly approvalCode?: string;
  /** Whether the caller gets it as the result of the call; otherwise as a problem. */
  readonly reported: boolean;
};

/** What a repetition of a call is answered: its outcome, and the request id of the call that got it first. */
export type KeptOutcome = Outcome & { readonly requestId: string };

/** The outcome of a call that only asked for an approval. */
export const awaitingApproval: Outcome = {
  status: 'awaiting_approval',
  value: null,
  concludedFrom: null,
  explanation: null,
  graphRequestId: null,
  reported: true,
};
