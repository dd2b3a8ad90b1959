import type { AuditEvent } from '../../core/audit-event.ts';
import type { AuditTrail } from '../../core/ports.ts';
import { cursorTo, positionAt } from './cursor.ts';
import type { Database } from './database.ts';
import { GroupCommit } from './group-commit.ts';

/** The audit trail in PostgreSQL. A write that takes longer than `timeoutMs` has failed. */
export function createPostgresAuditTrail(database: Database, timeoutMs: number): AuditTrail {
  const commits = new GroupCommit(database, timeoutMs);
  return {
    append: (event) => commits.append(event),

    async find({ tenantId, from, to, actor, event, operationId, limit, cursor }) {
      const conditions = ['chain = $1'];
      const values: unknown[] = [tenantId];
      const where = (condition: string, value: unknown) => {
        if (value === null) return;
        values.push(value);
        conditions.push(`${condition} $${values.length}`);
      };
      where('occurred_at >=', from);
      where('occurred_at <', to);
      where('actor_oid =', actor);
      where('event =', event);
      where('operation_id =', operationId);
      where('number <', cursor === null ? null : positionAt(cursor));
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
  };
}
