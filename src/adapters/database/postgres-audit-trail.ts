import type { AuditActor, AuditEvent } from '../../core/audit/audit-event.ts';
import type { AuditTrail } from '../../core/ports.ts';
import { exportChain } from './audit-export.ts';
import { conditionsOf } from './audit-filter.ts';
import { readStatus, type StatusOptions } from './chain-status.ts';
import { cursorTo, positionAt } from './cursor.ts';
import type { Database } from './database.ts';
import type { EventCommits } from './event-commits.ts';
import { firstRow } from './first-row.ts';
import { auditActors } from './statements/audit-actors.ts';
import { auditWindowWidth } from './statements/audit-window-width.ts';

/** The audit trail in PostgreSQL. */
export function createPostgresAuditTrail(
  database: Database,
  commits: EventCommits,
  options: StatusOptions,
): AuditTrail {
  return {
    append: async (event) => {
      await commits.append(event);
    },

    async find({ tenantId, limit, cursor, ...selection }) {
      const values: unknown[] = [tenantId];
      const conditions = ['chain = $1', ...conditionsOf(selection, values)];
      const { from, to } = selection;
      if (from !== null && to !== null && (await isNarrow(database, tenantId, from, to))) {
        const window = conditions
          .filter((condition) => /^(chain|occurred_at) /.test(condition))
          .join(' and ');
        conditions.push(`number = any(array(select number from audit_events where ${window}))`);
      }
      if (cursor !== null) conditions.push(`number < $${values.push(positionAt(cursor))}`);
      values.push(limit + 1);
      const found = await database.query<{ number: string; record: AuditEvent }>(
        `select number, record from audit_events where ${conditions.join(' and ')}
         order by number desc limit $${values.length}`,
        values,
      );
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        events: page.map((row) => row.record),
        nextCursor: found.length > limit && last !== undefined ? cursorTo(last.number) : null,
      };
    },

    async findActors(tenantId, name) {
      const values = [tenantId, name, mostPeople, mostFound + 1];
      const { found, all_seen } = firstRow(await database.query<ActorsRow>(auditActors, values));
      return { actors: found.slice(0, mostFound), complete: all_seen && found.length <= mostFound };
    },

    export: (selection) => exportChain(database, selection),
    status: (tenantId) => readStatus(database, tenantId, options),
  };
}

type ActorsRow = { found: AuditActor[]; all_seen: boolean };

// One event is read of each person: a tenant's administrators are dozens.
const mostPeople = 10_000;
const mostFound = 20;

// So many numbers are read and sorted in a moment.
const narrow = 20_000;

/** Whether few events lie between two times, as far as their order tells: times and numbers grow together,
 *  give or take the replicas' clocks. It only chooses how to search. PostgreSQL takes a filter's events to be
 *  spread evenly over the chain, and would read backwards through years to come to a day. */
async function isNarrow(database: Database, tenantId: string, from: Date, to: Date): Promise<boolean> {
  const rows = await database.query<{ width: string | null }>(auditWindowWidth, [tenantId, from, to]);
  const { width } = firstRow(rows);
  return width !== null && Math.abs(Number(width)) < narrow;
}
