import { Kysely, PostgresDialect } from 'kysely';
import type pg from 'pg';
import type { AuditEvent, AuditQuery } from '../../core/audit-event.ts';
import { CallFailed } from '../../core/failure.ts';
import type { AuditTrail } from '../../core/ports.ts';
import { isConnectionLost, withClient } from './pool.ts';
import type { Database } from './schema.ts';

export type PostgresAuditTrailOptions = {
  readonly pool: pg.Pool;
  /** A write or read that takes longer counts as failed, in milliseconds. */
  readonly timeoutMs: number;
};

/** The audit trail in PostgreSQL. */
export function createPostgresAuditTrail({ pool, timeoutMs }: PostgresAuditTrailOptions): AuditTrail {
  const queries = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });

  const run = async (query: { sql: string; parameters: readonly unknown[] }): Promise<pg.QueryResult> => {
    try {
      return await withClient(pool, timeoutMs, (client) => client.query(query.sql, [...query.parameters]));
    } catch (error) {
      throw new CallFailed({ reason: 'audit_unavailable', cause: causeOf(error) }, { cause: error });
    }
  };

  return {
    async append(event) {
      const statement = queries
        .insertInto('audit_events')
        .values({
          id: event.id,
          occurred_at: new Date(event.time),
          tenant_id: event.tenantId,
          event: event.event,
          actor_oid: event.actor.oid,
          operation_id: event.operationId,
          record: event,
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .compile();
      try {
        await run(statement);
      } catch (error) {
        // A connection that broke while it was idle in the pool, or between the commit and its answer:
        // once more on another. The event's id keeps it from standing there twice.
        if (!(error instanceof CallFailed) || !isConnectionLost(error.cause)) throw error;
        await run(statement);
      }
    },

    async find(query) {
      const rows = (await run(pageOf(queries, query))).rows as { position: string; record: AuditEvent }[];
      const page = rows.slice(0, query.limit);
      const last = page.at(-1);
      return {
        events: page.map((row) => row.record),
        nextCursor: rows.length > query.limit && last !== undefined ? cursorTo(last.position) : null,
      };
    },
  };
}

function pageOf(queries: Kysely<Database>, query: AuditQuery) {
  let statement = queries
    .selectFrom('audit_events')
    .select(['position', 'record'])
    .where('tenant_id', '=', query.tenantId)
    .orderBy('position', 'desc')
    .limit(query.limit + 1);
  if (query.from !== null) statement = statement.where('occurred_at', '>=', query.from);
  if (query.to !== null) statement = statement.where('occurred_at', '<', query.to);
  if (query.actor !== null) statement = statement.where('actor_oid', '=', query.actor);
  if (query.event !== null) statement = statement.where('event', '=', query.event);
  if (query.operationId !== null) statement = statement.where('operation_id', '=', query.operationId);
  if (query.cursor !== null) statement = statement.where('position', '<', positionAt(query.cursor));
  return statement.compile();
}

function cursorTo(position: string): string {
  return Buffer.from(`before:${position}`).toString('base64url');
}

function positionAt(cursor: string): string {
  const position = /^before:(\d{1,18})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1];
  if (position !== undefined) return position;
  throw new CallFailed({
    reason: 'request_invalid',
    complaints: [{ field: 'cursor', message: 'is not a nextCursor this API gave' }],
  });
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? `${error.name} ${error.code}` : error.message;
}
