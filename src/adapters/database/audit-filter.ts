import type { AuditSelection } from '../../core/audit/audit-export.ts';

/** The conditions a selection sets, besides the chain, as SQL; their values are added to `values`. */
export function conditionsOf(selection: Omit<AuditSelection, 'tenantId'>, values: unknown[]): string[] {
  const { from, to, actor, event, operationId } = selection;
  const given: [string, unknown][] = [
    ['occurred_at >=', from],
    ['occurred_at <', to],
    ['actor_oid =', actor],
    ['event =', event],
    ['operation_id =', operationId],
  ];
  return given
    .filter(([, value]) => value !== null)
    .map(([condition, value]) => `${condition} $${values.push(value)}`);
}
