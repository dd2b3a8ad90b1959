import type { DryRun, Policy } from '../api/types.ts';

/** Whether going on would only ask for an approval: as the dry run says, or where it stops at a field that is to be
 *  filled in, as the tenant's policy does. */
export function asksForApproval({ would }: Pick<DryRun, 'would'>, policy: Policy | null): boolean {
  return would === 'be_refused' ? (policy?.approvalRequired ?? false) : would === 'ask_for_approval';
}

/** Whether nothing stands in the way but what can be typed in the form. */
export function fieldsOnly({ checks }: DryRun): boolean {
  return checks
    .filter(({ result, code }) => result === 'failed' || code === 'not_reached')
    .every(({ name }) => name === 'reason' || name === 'ticket');
}
