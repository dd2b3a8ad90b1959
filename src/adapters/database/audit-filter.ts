import type { AuditSelection } from '../../core/audit/audit-export.ts';

/** The conditions a selection sets, besides the chain, as SQL; their values are added to `values`. */
export function conditionsOf(selection: Omit<AuditSelection, 'tenantId'>, values: unknown[]): string[] {
  const { from, to, actor, event, operationId, reads } = selection;
  const given: [string, unknown][] = [
    ['occurred_at >=', from],
    ['occurred_at <', to],
    ['actor_oid =', actor],
    ['event =', event],
    ['operation_id =', operationId],
  ];
  const conditions = given
    .filter(([, value]) => value !== null)
    .map(([condition, value]) => `${condition} $${values.push(value)}`);
  // As the partial index audit_events_without_reads says it.
  return reads === false ? [...conditions, "event <> 'read'"] : conditions;
}
