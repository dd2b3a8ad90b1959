import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { createDatabase, type Database } from '../../src/adapters/database/database.ts';
import { KnownHistory } from '../../src/adapters/database/known-history.ts';
import {
  createNotificationQueue,
  type NotificationQueue,
} from '../../src/adapters/database/notification-queue.ts';
import { createPool } from '../../src/adapters/database/pool.ts';
import { createPostgresOperations } from '../../src/adapters/database/postgres-operations.ts';
import type { OperationStatus } from '../../src/core/operation/life.ts';
import type { StoredOperation } from '../../src/core/operation/operation.ts';
import type { MoveRefusal, Operations } from '../../src/core/ports.ts';
import { Secret } from '../../src/core/secret.ts';
import { sampleEvent } from './audit.ts';
import { connected } from './core.ts';
import { migratedDatabase } from './postgres.ts';

export type NotificationScene = {
  readonly owner: pg.Pool;
  readonly database: Database;
  readonly queue: NotificationQueue;
  /** Opens an operation; gives it and the id of the event. */
  open(tenantId: string, status: 'sent' | 'awaiting_approval'): Promise<Told<StoredOperation>>;
  move(
    from: Pick<StoredOperation, 'id' | 'tenantId' | 'status'>,
    to: OperationStatus,
  ): Promise<Told<StoredOperation | MoveRefusal>>;
  close(): Promise<void>;
};

export type Told<Value> = { readonly value: Value; readonly eventId: string };

const minuteMs = 60_000;

/** A database as the service's role has it, with operations to move and the queue of what is told of them. */
export async function startNotificationScene(): Promise<NotificationScene> {
  const { url, adminUrl, drop } = await migratedDatabase();
  const owner = new pg.Pool({ connectionString: adminUrl, max: 2 });
  owner.on('error', () => {});
  const pool = createPool({
    url: new Secret(url),
    size: 8,
    connectTimeoutMs: 10_000,
    patienceMs: 10_000,
    onError: () => {},
  });
  const database = createDatabase(pool, 10_000);
  const operations: Operations = createPostgresOperations({
    database,
    history: new KnownHistory(() => {}),
    idempotencyMs: minuteMs,
  });
  return {
    owner,
    database,
    queue: createNotificationQueue(database),
    async open(tenantId, status) {
      const { newest } = await operations.loadPreconditions({ oid: 'admin', tenantId }, null);
      const id = randomUUID();
      const event = sampleEvent(tenantId, { operationId: id, move: { from: null, to: status } });
      const value = await operations.open({
        operation: {
          id,
          tenantId,
          status,
          requester: { oid: 'admin', name: 'Zoë Adminová', clientId: 'portal' },
          reason: 'moving',
          ticket: 'CHG-1',
          connection: connected,
          requestId: randomUUID(),
          supersedes: null,
        },
        key: null,
        answer: null,
        leaseMs: status === 'sent' ? minuteMs : 0,
        approvalMs: status === 'sent' ? null : minuteMs,
        expectedNewestId: newest?.id ?? null,
        supersededStatus: null,
        event,
      });
      if (typeof value === 'string') throw new Error(`it could not be opened: ${value}`);
      return { value, eventId: event.id };
    },
    async move({ id, tenantId, status }, to) {
      const event = sampleEvent(tenantId, { event: 'move', operationId: id, move: { from: status, to } });
      const leaseMs = to === 'sent' ? minuteMs : 0;
      const value = await operations.move({
        operation: { id, status },
        to,
        change: {},
        leaseMs,
        inTime: false,
        ends: false,
        event,
      });
      return { value, eventId: event.id };
    },
    async close() {
      await pool.end();
      await owner.end();
      await drop();
    },
  };
}
