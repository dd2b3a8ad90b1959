import type { Dependencies } from '../dependencies.ts';
import { nullIfFailed } from '../failure.ts';
import type { SignedInCall } from '../frame.ts';
import type { Secret } from '../secret.ts';
import { awaitsIntune } from './life.ts';
import type { Operation, StoredOperation } from './operation.ts';
import type { Outcome } from './outcome.ts';

/** How long Intune keeps a request for approval, in milliseconds (Multi Admin Approval: three days). */
export const intuneApprovalMs = 3 * 24 * 3600 * 1000;

/** The `status` that Intune gives a request that may be executed. */
export const intuneApproved = 'approved';

/** Whether Intune still keeps the request, so that it was not carried out and can be at any moment. */
export function isKeptByIntune(intuneStatus: string | null): boolean {
  return intuneStatus === 'needsApproval' || intuneStatus === intuneApproved;
}

/** The justification for Intune's approvers: reason and ticket, as the requester wrote them. */
export function justificationOf({ reason, ticket }: Pick<Operation, 'reason' | 'ticket'>): string {
  const parts = [reason, ticket === null ? null : `Ticket: ${ticket}`].filter((part) => part?.trim());
  return parts.join('\n') || 'Disconnect the ChromeOS connector.';
}

/** Reads, on the caller's behalf, the `status` of the request for approval that Intune filed for an operation; it may be
 *  one that this service does not know yet. `null` where there is no code to ask by, where its end is known, or where
 *  Intune shows no such request. Fails with one of Graph's reasons. */
export async function readIntuneStatus(
  { connector, newId }: Pick<Dependencies, 'connector' | 'newId'>,
  { deadline }: SignedInCall,
  operation: Pick<StoredOperation, 'status' | 'tenantId' | 'intuneApproval'>,
  token: Secret,
): Promise<string | null> {
  const { tenantId, status, intuneApproval } = operation;
  if (intuneApproval === null || !(awaitsIntune(operation) || status === 'unknown')) return null;
  const { code } = intuneApproval;
  return await connector.approvalRequest({ token, requestId: newId(), tenantId, deadline, code });
}

/** The same, and `null` too where Intune cannot be asked: for calls that can do without. */
export function tryToReadIntuneStatus(...asked: Parameters<typeof readIntuneStatus>): Promise<string | null> {
  return nullIfFailed(readIntuneStatus(...asked));
}

/** What the `status` of the request in Intune makes of an operation that waits for it, or whose outcome is unknown;
 *  `null` where it says nothing new.
 *
 *  | Intune says             | waiting              | `unknown`   |
 *  | ----------------------- | -------------------- | ----------- |
 *  | approved                | `approved_in_intune` |             |
 *  | completed               | `accepted`           | `accepted`  |
 *  | rejected                | `rejected`           | `rejected`  |
 *  | cancelled               | `withdrawn`          | `withdrawn` |
 *  | expired                 | `expired`            | `expired`   |
 *  | needsApproval, any other|                      |             |
 */
export function outcomeOfIntuneStatus(
  { status, intuneApproval }: Pick<StoredOperation, 'status' | 'intuneApproval'>,
  intuneStatus: string | null,
): Outcome | null {
  if (intuneStatus === null || intuneApproval === null) return null;
  const { code } = intuneApproval;
  switch (intuneStatus) {
    case intuneApproved:
      return status === 'awaiting_intune_approval'
        ? byIntune('approved_in_intune', `The request ${code} was approved in Intune.`)
        : null;
    case 'completed':
      return byIntune('accepted', `The request ${code} was completed in Intune, which carries it out.`);
    case 'rejected':
      return byIntune('rejected', `The request ${code} was rejected in Intune.`);
    case 'cancelled':
      return byIntune('withdrawn', `The request ${code} was cancelled in Intune.`);
    case 'expired':
      return byIntune('expired', `The request ${code} expired in Intune: nobody completed it in time.`);
    default:
      return null;
  }
}

function byIntune(status: Outcome['status'], explanation: string): Outcome {
  return {
    status,
    value: null,
    concludedFrom: 'intune_approval',
    explanation,
    graphRequestId: null,
    reported: true,
  };
}
