import type { Migration } from 'kysely/migration';
import { auditEvents } from './0001-audit-events.ts';

/** All migrations by name, in order. They only ever expand: an old pod keeps working beside a new
 *  schema, and there is no way down. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-audit-events': auditEvents,
};

/** What the service's role may do, and nothing else. Granted anew with each run of the migrations. */
export const grants: readonly { readonly table: string; readonly privileges: string }[] = [
  { table: 'audit_events', privileges: 'select, insert' },
  { table: 'kysely_migration', privileges: 'select' },
];
