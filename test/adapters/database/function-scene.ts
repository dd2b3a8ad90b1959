import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach } from 'node:test';
import pg from 'pg';
import { createDatabase, type Database } from '../../../src/adapters/database/database.ts';
import { KnownHistory } from '../../../src/adapters/database/known-history.ts';
import { createPool, type Pool } from '../../../src/adapters/database/pool.ts';
import { createPostgresOperations } from '../../../src/adapters/database/postgres-operations.ts';
import { CallFailed } from '../../../src/core/failure.ts';
import type { OperationStatus } from '../../../src/core/operation/life.ts';
import type { NewOperation, Operations, PreparedMove } from '../../../src/core/ports.ts';
import { Secret } from '../../../src/core/secret.ts';
import { type AuditScene, sampleEvent, startAuditScene } from '../../support/audit.ts';
import { connected } from '../../support/core.ts';
import { until } from '../../support/processes.ts';

export const minuteMs = 60_000;

/** Whether PostgreSQL refused with that SQLSTATE. */
export const refusedWith = (code: string) => (error: unknown) => {
  const cause = error instanceof CallFailed ? error.cause : error;
  assert.equal((cause as { code?: string }).code, code, String(error));
  return true;
};

/** The operations port on a database of its own, a new tenant for each test, and somebody else beside it whose
 *  transaction ends when the test says so. */
export function functionScene() {
  let scene: AuditScene;
  let pool: Pool;
  let database: Database;
  let operations: Operations;
  let impatient: Operations;
  let owner: pg.Client;
  let tenantId: string;
  before(async () => {
    scene = await startAuditScene();
    owner = new pg.Client({ connectionString: scene.database.adminUrl });
    await owner.connect();
    pool = createPool({
      url: new Secret(scene.database.url),
      size: 4,
      connectTimeoutMs: 30_000,
      // A test that waits for a lock shall not be let on by the session's own limit.
      patienceMs: 10 * minuteMs,
      onError: () => {},
    });
    database = createDatabase(pool, 30_000);
    const history = new KnownHistory(() => {});
    operations = createPostgresOperations({ database, history, idempotencyMs: minuteMs });
    impatient = createPostgresOperations({
      database: { ...database, lockMs: 50 },
      history,
      idempotencyMs: minuteMs,
    });
  });
  after(async () => {
    await owner?.end();
    await pool?.end();
    await scene?.close();
  });
  beforeEach(() => {
    tenantId = randomUUID();
  });

  const opening = (
    but: Partial<NewOperation> = {},
    operation: Partial<NewOperation['operation']> = {},
  ): NewOperation => {
    const id = operation.id ?? randomUUID();
    const tenant = operation.tenantId ?? tenantId;
    return {
      operation: {
        id,
        tenantId: tenant,
        status: 'sent',
        requester: { oid: 'admin', name: 'Admin', clientId: 'portal' },
        reason: null,
        ticket: null,
        connection: connected,
        requestId: randomUUID(),
        supersedes: null,
        ...operation,
      },
      key: null,
      answer: null,
      leaseMs: minuteMs,
      approvalMs: null,
      expectedNewestId: null,
      supersededStatus: null,
      event: sampleEvent(tenant, { operationId: id }),
      ...but,
    };
  };
  const move = (id: string, from: OperationStatus, to: OperationStatus, but: Partial<PreparedMove> = {}) => ({
    operation: { id, status: from },
    to,
    change: {},
    leaseMs: 0,
    inTime: false,
    ends: false,
    event: sampleEvent(tenantId, { operationId: id }),
    ...but,
  });
  /** An attempt that nobody sent, as the core ends it. */
  const unsent = (id: string, requestId: string) => ({
    operation: { id, tenantId, requestId, status: 'sent' as const },
    to: 'failed' as const,
    change: { explanation: 'nothing was sent', answer: null },
    ends: true,
    event: sampleEvent(tenantId, { operationId: id }),
  });
  /** A new operation as the function that opens takes it, in JSON. */
  const sentRow = (differing: object) =>
    JSON.stringify({
      tenant_id: tenantId,
      status: 'sent',
      requester_oid: 'admin',
      requester_client_id: 'portal',
      connection_id: 'c',
      connection: {},
      ...differing,
    });
  const open = async (...given: Parameters<typeof opening>) => {
    const opened = await operations.open(opening(...given));
    assert.ok(typeof opened === 'object', String(opened));
    return opened;
  };
  const statusOf = async (id: string) => (await operations.find(tenantId, id))?.status;
  const column = async (id: string, name: string) =>
    (await owner.query(`select ${name} as value from operations where id = $1`, [id])).rows[0]?.value;
  /** Somebody else's transaction, which is committed when the test says so. */
  async function beside(...statements: [string, unknown[]?][]) {
    const client = new pg.Client({ connectionString: scene.database.adminUrl });
    await client.connect();
    await client.query('begin');
    for (const [text, values] of statements) await client.query(text, values);
    return {
      client,
      end: async (how: 'commit' | 'rollback' = 'commit') => {
        await client.query(how);
        await client.end();
      },
    };
  }
  const waiting = (count = 1) =>
    until('it waits for a lock', async () => {
      const { rows } = await scene.superuser.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows.length === count;
    });
  const lockTenant = () =>
    beside(['select pg_advisory_xact_lock(hashtextextended($1, 0))', [tenantId]] as [string, unknown[]]);
  const lockRow = (id: string) =>
    beside(['select from operations where id = $1 for update', [id]] as [string, unknown[]]);

  return {
    get scene() {
      return scene;
    },
    get owner() {
      return owner;
    },
    get database() {
      return database;
    },
    get operations() {
      return operations;
    },
    /** The same, without patience for locks. */
    get impatient() {
      return impatient;
    },
    get tenantId() {
      return tenantId;
    },
    opening,
    move,
    unsent,
    sentRow,
    open,
    statusOf,
    column,
    beside,
    waiting,
    lockTenant,
    lockRow,
  };
}
