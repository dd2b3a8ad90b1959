import pg from 'pg';
import { withClient } from './pool.ts';

/** What the database tells about the work and about itself, for everyone who serves from it: an event
 *  at one replica is seen by all, and still seen after a restart. */
export type VitalSigns = {
  /** Operations that were sent more than two minutes ago and whose outcome is not on the record. */
  readonly attemptsWithoutOutcome: number;
  /** Operations that hold their tenant's slot, by status. */
  readonly open: Readonly<Record<string, number>>;
  /** Whether our role may add audit events here: it has the right, and the database takes writes. */
  readonly mayWriteAudit: boolean;
  /** What our role may do beyond what it needs, in words. */
  readonly excessive: readonly string[];
};

/** `up`: PostgreSQL let us in and answers. `signs` is `null` where it could not tell them, as before the
 *  schema is there. */
export type Look = { readonly up: boolean; readonly signs: VitalSigns | null };

const query = `
select
  (select count(*)::int from operations
   where status = 'sent' and sent_at < now() - interval '2 minutes') as attempts_without_outcome,
  (select coalesce(jsonb_object_agg(status, number), '{}') from (
     select status, count(*) as number from operations
     where superseded_by is null
       and status in ('awaiting_approval', 'approved', 'requested', 'sent', 'accepted', 'unknown')
     group by status) by_status) as open,
  has_function_privilege('record_audit_events(json)', 'execute')
    and current_setting('transaction_read_only') = 'off' as may_write_audit,
  (select array_remove(array[
     case when role.rolsuper then 'is a superuser' end,
     case when role.rolcreaterole then 'may create roles' end,
     case when role.rolcreatedb then 'may create databases' end,
     case when role.rolbypassrls then 'bypasses row security' end,
     case when exists (
       select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
         and relname in ('audit_events', 'operations', 'disconnect_switches')
         and pg_has_role(relowner, 'member')) then 'owns the tables' end,
     case when has_schema_privilege('public', 'create') then 'may create in the schema' end,
     case when has_table_privilege('audit_events', 'insert, delete, truncate')
       or has_any_column_privilege('audit_events', 'insert, update') then 'may write audit_events itself' end,
     case when has_table_privilege('audit_chains', 'insert, delete, truncate')
       or has_any_column_privilege('audit_chains', 'insert, update') then 'may write audit_chains itself' end,
     case when has_table_privilege('audit_checkpoints', 'delete, truncate')
       or has_any_column_privilege('audit_checkpoints', 'update') then 'may change audit_checkpoints' end,
     case when has_table_privilege('disconnect_switches', 'delete, truncate')
       or has_any_column_privilege('disconnect_switches', 'update') then 'may change disconnect_switches' end,
     case when has_table_privilege('operations', 'delete, truncate') then 'may remove operations' end
   ], null) from pg_roles role where role.rolname = current_user) as excessive`;

/** Takes the vital signs with one statement. Never rejects. */
export async function lookAtDatabase(pool: pg.Pool, timeoutMs: number): Promise<Look> {
  try {
    const { rows } = await withClient(pool, timeoutMs, (client) => client.query(query));
    const [row] = rows;
    return {
      up: true,
      signs: {
        attemptsWithoutOutcome: row.attempts_without_outcome,
        open: row.open,
        mayWriteAudit: row.may_write_audit,
        excessive: row.excessive,
      },
    };
  } catch (error) {
    // Class 42: it understood us, but lacks the tables or does not let us read them.
    return { up: error instanceof pg.DatabaseError && /^42/.test(error.code ?? ''), signs: null };
  }
}
