import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { migrate } from '../../src/adapters/database/migrate.ts';
import { Secret } from '../../src/core/secret.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startTestEnvironment,
  type TestEnvironment,
} from '../support/service.ts';
import { adjusted } from '../support/timings.ts';
import { type DebianPostgres, startDebianPostgres } from './debian-postgres.ts';

type Table = { table: string; rows: number; scanned: number };

/** So many events, and a disconnect for each so many of them; FRESH_EVENTS says otherwise for a longer run. */
const events = Number(process.env.FRESH_EVENTS ?? 1000);
const disconnectEvery = 20;
const connections = 16;

/** However often a row is read one by one by its index; by scanning its table no more than this. A plan that scans
 *  reads each of thousands of rows thousands of times. */
const mostScans = 10;

describe('a fresh database', () => {
  let testEnvironment: TestEnvironment;
  let postgres: DebianPostgres & { remove(): Promise<void> };
  before(async () => {
    testEnvironment = await startTestEnvironment();
    // No others ever come than those of the empty tables.
    postgres = await startDebianPostgres({ settings: { autovacuum: 'off' } });
  });
  after(async () => {
    await postgres?.remove();
    await testEnvironment?.close();
  });

  test('is not scanned under load: each row is read a bounded number of times', async () => {
    const database = await postgres.createDatabase('fresh');
    await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
    // The worst there are: that all is empty, and scanned for nothing.
    await postgres.query('vacuum analyze', 'fresh');
    testEnvironment.simulator.reset();
    const service = await startService(testEnvironment, {
      environment: { DATABASE_URL: database.url },
      adjust: adjusted({ graphTimeoutMs: 20_000 }),
    });
    try {
      const admin = bearer(await testEnvironment.simulator.token('admin'));
      let begun = 0;
      const one = async () => {
        while (begun < events) {
          begun += 1;
          const disconnects = begun % disconnectEvery === 0;
          const answer = await fetch(`${service.url}${disconnects ? disconnectPath : connectionPath}`, {
            method: disconnects ? 'POST' : 'GET',
            headers: { authorization: admin },
          });
          await answer.arrayBuffer();
          if (answer.status !== 200 || !disconnects) continue;
          // As if it had been watched to its end, so that the next one is another operation.
          await postgres.query(
            "set enable_seqscan = off; update operations set status = 'completed' where open",
            'fresh',
          );
          testEnvironment.simulator.setConnection(testEnvironment.simulator.registration.tenantId, {});
        }
      };
      const from = performance.now();
      await Promise.all(Array.from({ length: connections }, one));
      const seconds = (performance.now() - from) / 1000;
      await service.close();

      const tables = await postgres.query<Table>(
        `select relname as table, n_tup_ins::int as rows, seq_tup_read::int as scanned
         from pg_stat_user_tables where n_tup_ins > 0 order by relname`,
        'fresh',
      );
      console.log(`${events} calls in ${seconds.toFixed(1)} s`);
      console.table(tables);
      const recorded = tables.find(({ table }) => table === 'audit_events')?.rows ?? 0;
      assert.ok(recorded >= events, `${recorded} events were recorded`);
      for (const { table, rows, scanned } of tables) {
        assert.ok(scanned <= mostScans * (rows + 100), `${table}: ${rows} rows, ${scanned} read by scans`);
      }
    } finally {
      await service.close();
    }
  });
});
