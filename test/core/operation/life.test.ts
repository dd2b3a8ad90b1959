import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import {
  isFinal,
  movesFrom,
  type OperationStatus,
  openStatuses,
  operationStatuses,
} from '../../../src/core/operation/life.ts';
import { migratedDatabase, type TestDatabase } from '../../support/postgres.ts';

describe('the moves of an operation', () => {
  let database: TestDatabase;
  /** As the service; as the owner, who could do more. */
  let service: pg.Client;
  let owner: pg.Client;
  before(async () => {
    database = await migratedDatabase();
    [service, owner] = [database.url, database.adminUrl].map(
      (url) => new pg.Client({ connectionString: url }),
    ) as [pg.Client, pg.Client];
    await Promise.all([service.connect(), owner.connect()]);
  });
  after(async () => {
    await Promise.all([service?.end(), owner?.end()]);
    await database?.drop();
  });

  /** Puts an operation of a tenant of its own at a status, without going through the table. */
  async function place(status: OperationStatus): Promise<string> {
    await owner.query('alter table operations disable trigger operations_move_as_allowed');
    const id = await insert(owner, status);
    await owner.query('alter table operations enable trigger operations_move_as_allowed');
    return id;
  }
  async function insert(
    client: pg.Client,
    status: OperationStatus,
    tenant: string = randomUUID(),
  ): Promise<string> {
    const id = randomUUID();
    await client.query(
      `insert into operations (id, tenant_id, status, requester_oid, requester_client_id, connection_id,
         connection, request_id, requested_at, moved_at)
       values ($1, $2, $3, 'somebody', 'portal', 'c', '{}', $1, now(), now())`,
      [id, tenant, status],
    );
    return id;
  }

  test('core and database hold one table', async () => {
    const { rows } = await owner.query<{ line: string }>(
      "select from_status || ' → ' || to_status as line from operation_moves",
    );
    const core = [null, ...operationStatuses].flatMap((from) =>
      movesFrom(from).map((to) => `${from ?? 'start'} → ${to}`),
    );
    assert.deepEqual(rows.map(({ line }) => line).sort(), core.sort());
  });

  test('every status is reachable, and an operation is open until it is final', async () => {
    const reached = new Set([null, ...operationStatuses].flatMap(movesFrom));
    assert.deepEqual(
      [...operationStatuses].filter((status) => !reached.has(status)),
      [],
    );
    const final = operationStatuses.filter(isFinal);
    assert.deepEqual(final, ['completed', 'failed', 'rejected', 'expired', 'withdrawn']);
    assert.deepEqual([...openStatuses, ...final].sort(), [...operationStatuses].sort());
    for (const status of operationStatuses) {
      const id = await place(status);
      const { rows } = await owner.query('select open from operations where id = $1', [id]);
      assert.deepEqual(rows, [{ open: openStatuses.includes(status) }], status);
    }
  });

  test('the database refuses even the owner each move that is not in the table, and allows each that is', async () => {
    for (const from of operationStatuses) {
      for (const to of operationStatuses) {
        if (from === to) continue;
        const id = await place(from);
        const moving = owner.query('update operations set status = $2 where id = $1', [id, to]);
        if (movesFrom(from).includes(to)) assert.equal((await moving).rowCount, 1, `${from} → ${to}`);
        else await assert.rejects(moving, { code: '23514' }, `${from} → ${to}`);
      }
    }
    for (const to of operationStatuses) {
      const beginning = insert(owner, to);
      if (movesFrom(null).includes(to)) await beginning;
      else await assert.rejects(beginning, { code: '23514' }, `start → ${to}`);
    }
  });

  test('a tenant has one open operation, whatever it stands at', async () => {
    for (const status of openStatuses) {
      const id = await place(status);
      const { rows } = await owner.query<{ tenant_id: string }>(
        'select tenant_id from operations where id = $1',
        [id],
      );
      await assert.rejects(insert(owner, 'sent', rows[0]?.tenant_id), { code: '23505' }, status);
    }
  });

  test('the service moves nothing without the event of that operation', async () => {
    const id = await place('sent');
    const event = { id: randomUUID(), operationId: randomUUID(), tenantId: 'x', time: new Date(), actor: {} };
    for (const events of [[], [event]]) {
      const moving = service.query(
        "select move_operation($1, 'sent', 'failed', 0, false, true, '{}', $2, $3, null, 1000)",
        [id, event.id, JSON.stringify(events)],
      );
      await assert.rejects(moving, /needs its event/);
    }
    const { rows } = await owner.query('select status from operations where id = $1', [id]);
    assert.deepEqual(rows, [{ status: 'sent' }]);
  });

  test('nobody changes who asked, nor the table of moves, nor removes anything', async () => {
    const id = await place('unknown');
    for (const column of ['tenant_id', 'requester_oid']) {
      const change = `update operations set ${column} = 'x' where id = $1`;
      await assert.rejects(service.query(change, [id]), { code: '42501' });
      await assert.rejects(owner.query(change, [id]), { code: '23514' });
    }
    await assert.rejects(service.query('delete from operations'), { code: '42501' });
    await assert.rejects(service.query("insert into operation_moves values ('failed', 'sent')"), {
      code: '42501',
    });
    await assert.rejects(service.query('alter table operations disable trigger all'), { code: '42501' });
    await assert.rejects(owner.query('delete from operations'), { code: '42501' });
  });
});
