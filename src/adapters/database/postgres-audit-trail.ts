import type { AuditEvent } from '../../core/audit-event.ts';
import type { AuditTrail } from '../../core/ports.ts';
import { exportChain, readStatus } from './audit-export.ts';
import { conditionsOf } from './audit-filter.ts';
import { cursorTo, positionAt } from './cursor.ts';
import type { Database } from './database.ts';
import { GroupCommit } from './group-commit.ts';

/** The audit trail in PostgreSQL. A write that takes longer than `timeoutMs` has failed. */
export function createPostgresAuditTrail(database: Database, timeoutMs: number): AuditTrail {
  const commits = new GroupCommit(database, timeoutMs);
  return {
    append: (event) => commits.append(event),

    async find({ tenantId, limit, cursor, ...selection }) {
      const values: unknown[] = [tenantId];
      const conditions = ['chain = $1', ...conditionsOf(selection, values)];
      if (cursor !== null) conditions.push(`number < $${values.push(positionAt(cursor))}`);
      values.push(limit + 1);
      const found = await database.run((client) =>
        client.query<{ number: string; record: AuditEvent }>(
          `select number, record from audit_events where ${conditions.join(' and ')}
           order by number desc limit $${values.length}`,
          values,
        ),
      );
      const page = found.rows.slice(0, limit);
      const last = page.at(-1);
      return {
        events: page.map((row) => row.record),
        nextCursor: found.rows.length > limit && last !== undefined ? cursorTo(last.number) : null,
      };
    },

    export: (selection) => exportChain(database, selection),
    status: (tenantId) => readStatus(database, tenantId),
  };
}
