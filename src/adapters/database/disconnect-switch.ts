import { type AuditEvent, noTenant } from '../../core/audit/audit-event.ts';
import { operatorEventOf } from '../../core/audit/event-of.ts';
import { eventsJson } from './audit-rows.ts';
import type { Database } from './database.ts';

/** One change of the switch that turns disconnecting off and on. `tenantId` null is for all tenants. */
export type SwitchChange = {
  readonly id: string;
  readonly tenantId: string | null;
  readonly enabled: boolean;
  readonly reason: string;
  /** Who, as the operator's machine knows them. */
  readonly by: string;
  readonly at: Date;
};

const everyTenant = '*';

/** Writes a change together with its audit event. Fails with `audit_unavailable`. */
export async function writeSwitch(database: Database, change: SwitchChange): Promise<void> {
  const row = {
    id: change.id,
    tenant_id: change.tenantId ?? everyTenant,
    enabled: change.enabled,
    reason: change.reason,
    changed_by: change.by,
    changed_at: change.at,
  };
  await database.query('select switch_disconnect($1, $2, $3)', [
    JSON.stringify(row),
    eventsJson([eventOf(change)]),
    database.lockMs,
  ]);
}

/** The latest change for each tenant, or for one tenant and for all. Fails with `audit_unavailable`. */
export async function readSwitches(database: Database, tenantId: string | null): Promise<SwitchChange[]> {
  const found = await database.query<{
    id: string;
    tenant_id: string;
    enabled: boolean;
    reason: string;
    changed_by: string;
    changed_at: Date;
  }>(
    `select distinct on (tenant_id) * from disconnect_switches
     where $1::text is null or tenant_id in ($1, '${everyTenant}')
     order by tenant_id, position desc`,
    [tenantId],
  );
  return found.map((row) => ({
    id: row.id,
    tenantId: row.tenant_id === everyTenant ? null : row.tenant_id,
    enabled: row.enabled,
    reason: row.reason,
    by: row.changed_by,
    at: row.changed_at,
  }));
}

function eventOf({ id, at, tenantId, by, reason, enabled }: SwitchChange): AuditEvent {
  const act = { id, time: at, tenantId: tenantId ?? noTenant, by, command: 'disconnect-switch' };
  return operatorEventOf(act, {
    event: 'switched',
    action: 'switch_disconnect',
    reason,
    value: enabled ? 'on' : 'off',
  });
}
