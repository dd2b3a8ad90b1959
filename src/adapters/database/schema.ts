import type { Generated } from 'kysely';
import type { AuditEvent } from '../../core/audit-event.ts';

/** The tables as Kysely sees them. */
export type Database = { audit_events: AuditEventsTable };

/** One event a row. `record` is the event itself; the other columns are there to find it by. */
type AuditEventsTable = {
  id: string;
  /** In the order of writing; what cursors point at. */
  position: Generated<string>;
  occurred_at: Date;
  tenant_id: string;
  event: string;
  actor_oid: string;
  operation_id: string | null;
  record: AuditEvent;
};
