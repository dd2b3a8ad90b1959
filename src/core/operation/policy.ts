import type { Caller } from '../caller.ts';
import { CallFailed } from '../failure.ts';

/** What a tenant demands of a disconnect. Everything is off unless said. */
export type Policy = {
  readonly reasonRequired: boolean;
  readonly ticketRequired: boolean;
  /** The whole ticket must match. */
  readonly ticketPattern: RegExp | null;
  /** An authentication context (`acrs`, such as `c1`) the caller's token must prove. */
  readonly stepUp: string | null;
  /** A second person must approve. */
  readonly approvalRequired: boolean;
  readonly idempotencyKeyRequired: boolean;
  readonly ifMatchRequired: boolean;
  /** What to do where Intune demands an approval of its own: ask for it with reason and ticket, or fail. */
  readonly intuneApproval: 'auto' | 'never';
};

/** The pattern of tickets from an operator's regular expression: the whole ticket must match it. Throws a `SyntaxError`
 *  where it is none. */
export function ticketPatternFrom(expression: string): RegExp {
  return new RegExp(`^(?:${expression})$`, 'u');
}

/** The same expression again, as the operator wrote it. */
export function ticketExpressionOf(ticketPattern: RegExp): string {
  return ticketPattern.source.replace(/^\^\(\?:(.*)\)\$$/s, '$1');
}

export type PolicyOf = (tenantId: string) => Policy;

/** What a policy can demand, in the order in which it is checked. */
export const policyDemands = ['reason', 'ticket', 'step_up', 'idempotency_key', 'if_match'] as const;

/** One demand of a policy; `unmet` is the failure of a call that does not meet it. */
export type PolicyCheck = {
  readonly name: (typeof policyDemands)[number];
  readonly unmet: CallFailed | null;
};

type Demanded = {
  readonly reason: string | null;
  readonly ticket: string | null;
  readonly idempotencyKey: string | null;
  readonly ifMatch: readonly string[] | null;
};

/** Checks what a call brings against the tenant's policy, demand by demand. */
export function policyChecks(policy: Policy, caller: Caller, call: Demanded): PolicyCheck[] {
  const checks: PolicyCheck[] = [];
  const invalid = (field: string, message: string) =>
    new CallFailed({ reason: 'request_invalid', issues: [{ field, message }] });

  if (policy.reasonRequired) {
    const unmet = (call.reason ?? '').trim() === '' ? invalid('reason', 'is required in this tenant') : null;
    checks.push({ name: 'reason', unmet });
  }
  if (policy.ticketRequired || policy.ticketPattern !== null) {
    checks.push({ name: 'ticket', unmet: unmetTicket(policy, call.ticket, invalid) });
  }
  if (policy.stepUp !== null) {
    const proven = caller.authenticationContexts.includes(policy.stepUp);
    checks.push({ name: 'step_up', unmet: proven ? null : stepUpRequired(caller, policy.stepUp) });
  }
  if (policy.idempotencyKeyRequired) {
    const missing = call.idempotencyKey === null;
    checks.push({
      name: 'idempotency_key',
      unmet: missing ? new CallFailed({ reason: 'idempotency_key_required' }) : null,
    });
  }
  if (policy.ifMatchRequired) {
    const missing = call.ifMatch === null;
    checks.push({
      name: 'if_match',
      unmet: missing
        ? new CallFailed({ reason: 'precondition_required', header: 'If-Match', resource: 'connection' })
        : null,
    });
  }
  return checks;
}

/** Fails with the first demand that is not met. */
export function meetPolicy(policy: Policy, caller: Caller, call: Demanded): void {
  for (const { unmet } of policyChecks(policy, caller, call)) if (unmet !== null) throw unmet;
}

function unmetTicket(
  policy: Policy,
  ticket: string | null,
  invalid: (field: string, message: string) => CallFailed,
): CallFailed | null {
  if (ticket === null || ticket.trim() === '') {
    return policy.ticketRequired ? invalid('ticket', 'is required in this tenant') : null;
  }
  if (policy.ticketPattern === null || policy.ticketPattern.test(ticket)) return null;
  return invalid('ticket', `must match ${ticketExpressionOf(policy.ticketPattern)}`);
}

/** The challenge that asks for an authentication context (Entra's claims request parameter). */
function stepUpRequired(caller: Caller, value: string): CallFailed {
  const claims = JSON.stringify({ access_token: { acrs: { essential: true, value } } });
  return new CallFailed({ reason: 'claims_required', claims, tenantId: caller.tenantId });
}
