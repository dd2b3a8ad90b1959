import { reserve } from '../deadline.ts';
import type { Dependencies } from '../dependencies.ts';
import { CallFailed, failureOf } from '../failure.ts';
import type { SignedInCall } from '../frame.ts';
import type { DisconnectAnswer, IntuneProof } from '../ports.ts';
import { retryDelayMs } from '../retry-delay.ts';
import type { Secret } from '../secret.ts';
import { justificationOf } from './intune-approval.ts';
import type { StoredOperation } from './operation.ts';
import { disabled } from './slot.ts';

// A read-back that takes longer than this is given up; a later read shows the same.
const readBackMs = 5000;

const maxRetries = 2;
// How long the database's permission to send may be on its way.
const permissionMs = 1000;

/** One request, and again only what was certainly not done: never connected, 429, or 503 with Retry-After; at
 *  most twice, under the attempt's own id, while there is time for Graph to answer and for us to record it. Where
 *  Intune demands a justification it did nothing either: it is sent once more with one, if the policy allows. What was
 *  approved in Intune is sent with its code. */
export async function trySending(
  dependencies: Dependencies,
  call: SignedInCall,
  operation: StoredOperation,
  token: Secret,
): Promise<DisconnectAnswer> {
  const { timing, policyOf } = dependencies;
  const afterActMs = Math.min(timing.graphTimeoutMs, readBackMs) + timing.recordMs;
  const deadline = reserve(call.deadline, afterActMs);
  const { tenantId, requestId, intuneApproval } = operation;
  let proof: IntuneProof | null = intuneApproval === null ? null : { code: intuneApproval.code };
  let retries = 0;
  for (;;) {
    if (deadline.leftMs() < timing.graphTimeoutMs)
      throw notSent('the time for this call would be up before Graph could answer');
    try {
      return await dependencies.connector.disconnect({
        token,
        requestId,
        tenantId,
        deadline,
        proof,
        permit: () => requirePermission(dependencies, operation, proof),
      });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.reason === 'intune_approval_required' && proof === null) {
        if (policyOf(tenantId).intuneApproval === 'never') throw error;
        proof = { justification: justificationOf(operation) };
        continue;
      }
      if (failure.reason !== 'graph_throttled' && failure.reason !== 'graph_unavailable') throw error;
      const waitMs = retryDelayMs(retries, failure.retryAfterMs, dependencies.random());
      if (retries >= maxRetries || waitMs + timing.graphTimeoutMs > deadline.leftMs()) throw error;
      await dependencies.pause(waitMs);
      retries += 1;
    }
  }
}

/** Asks the database whether this operation may be sent now: its sender still holds the slot, for as long as
 *  Graph may take; disconnecting is not switched off; an approval has not run out. Asked directly before each
 *  sending, since only the database's clock is the same for all, and runs on while a machine is paused. */
async function requirePermission(
  dependencies: Dependencies,
  operation: StoredOperation,
  proof: IntuneProof | null,
): Promise<void> {
  const { operations, timing, monotonic } = dependencies;
  const askedAt = monotonic();
  const permission = await operations.permitSending(operation.id, {
    neededMs: timing.graphTimeoutMs,
    mayBeFiled: proof !== null,
  });
  switch (permission) {
    case 'granted':
      // What it proves is used at once or not at all.
      if (monotonic() - askedAt > permissionMs) throw notSent('the permission to send came too late');
      return;
    case 'disabled':
      throw await disabled(dependencies, operation.tenantId);
    case 'too_late':
      throw notSent('the approval has run out');
    case 'moved_already':
      throw notSent('the lease on the slot has ended, or would end before Graph could answer');
  }
}

function notSent(cause: string): CallFailed {
  return new CallFailed({ reason: 'not_sent_in_time', cause, retryAfter: 1 });
}
