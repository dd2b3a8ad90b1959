import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import type { Connection, Database } from '../../../src/adapters/database/database.ts';
import { createEventCommits } from '../../../src/adapters/database/event-commits.ts';
import { KnownHistory } from '../../../src/adapters/database/known-history.ts';
import { findOperations } from '../../../src/adapters/database/statements/find-operations.ts';
import { sampleEvent } from '../../support/audit.ts';
import { until } from '../../support/processes.ts';
import { functionScene } from './function-scene.ts';

const commitsOn = (database: Database, connections = 4) =>
  createEventCommits({ database, history: new KnownHistory(() => {}), connections });

describe('an event that is put on the record', () => {
  const it = functionScene();

  /** The database, and how often it was asked for operations. */
  function counted() {
    const heard = { finding: 0 };
    const database: Database = {
      ...it.database,
      query: (statement, values) => {
        if (statement === findOperations) heard.finding += 1;
        return it.database.query(statement, values);
      },
    };
    return { database, heard };
  }

  test('gives the operation that is open in its own tenant', async () => {
    const { database, heard } = counted();
    const commits = commitsOn(database);
    const own = await it.open();
    const other = await it.open({}, { tenantId: randomUUID() });
    const given = await Promise.all([
      commits.append(sampleEvent(it.tenantId)),
      commits.append(sampleEvent(other.tenantId)),
      commits.append(sampleEvent(randomUUID())),
    ]);
    assert.deepEqual(
      given.map((operation) => operation && [operation.id, operation.tenantId]),
      [[own.id, it.tenantId], [other.id, other.tenantId], null],
    );
    assert.ok(heard.finding > 0);
  });

  test('asks for no operation where none is open', async () => {
    const { database, heard } = counted();
    assert.equal(await commitsOn(database).append(sampleEvent(it.tenantId)), null);
    assert.equal(heard.finding, 0);
  });
});

describe('events of chains whose heads are locked', () => {
  const locked = Object.assign(new pg.DatabaseError('locked', 0, 'error'), { code: '55P03' });
  const togetherMs = 200;
  const lockMs = 1234;
  const chains = 7;

  for (const [connections, alone] of [
    [8, 4],
    [5, 2],
    [1, 1],
  ] as const) {
    test(`each wait as a write may, on ${alone} of ${connections} connections`, async () => {
      const free = Promise.withResolvers<void>();
      const waits: unknown[] = [];
      const connection: Connection = {
        async query(_statement, [, patienceMs] = []) {
          if (patienceMs === togetherMs) throw locked;
          waits.push(patienceMs);
          await free.promise;
          return { rows: [] };
        },
      };
      const run: Database['run'] = (work) => work(connection);
      const patienceMs = 30_000;
      const commits = commitsOn(
        { run, transact: run, query: async () => [], patienceMs, lockMs },
        connections,
      );
      const appended = Array.from({ length: chains }, (_, index) =>
        commits.append(sampleEvent(`tenant-${index}`)),
      );
      await until('some wait', () => waits.length >= alone);
      // What is not held up has gone on by then.
      await setImmediate();
      assert.equal(waits.length, alone);
      free.resolve();
      await Promise.all(appended);
      assert.deepEqual(waits, Array(chains).fill(lockMs));
    });
  }
});
