import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { migrate } from '../../src/adapters/database/migrate.ts';
import { Secret } from '../../src/core/secret.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startTestEnvironment,
  type TestEnvironment,
} from '../support/service.ts';
import { adjusted } from '../support/timings.ts';
import { type DebianPostgres, startDebianPostgres, startPgBouncer } from './debian-postgres.ts';

describe('behind pgbouncer', () => {
  let testEnvironment: TestEnvironment;
  let postgres: DebianPostgres & { remove(): Promise<void> };
  before(async () => {
    testEnvironment = await startTestEnvironment();
    postgres = await startDebianPostgres();
  });
  after(async () => {
    await postgres?.remove();
    await testEnvironment?.close();
  });

  for (const mode of ['transaction', 'session'] as const) {
    test(`in ${mode} mode every read and every disconnect is answered, and none is sent twice`, async () => {
      const database = await postgres.createDatabase(`bff_${mode}`);
      await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
      const bouncer = await startPgBouncer(postgres, mode);
      const url = database.url.replace(`:${postgres.port}/`, `:${bouncer.port}/`);
      // Two of them share the connections that pgbouncer has.
      const options = { environment: { DATABASE_URL: url }, adjust: adjusted({ graphTimeoutMs: 20_000 }) };
      const services = [
        await startService(testEnvironment, options),
        await startService(testEnvironment, options),
      ];
      try {
        const admin = bearer(await testEnvironment.simulator.token('admin'));
        const statuses: number[] = [];
        for (let round = 0; round < 10; round += 1) {
          const wave = Array.from({ length: 24 }, async (_, index) => {
            const { api } = services[index % 2] ?? assert.fail();
            return (await api.get(connectionPath).set('authorization', admin)).status;
          });
          statuses.push(...(await Promise.all(wave)));
        }
        assert.deepEqual(tally(statuses), { 200: 240 });

        for (let round = 0; round < 40; round += 1) {
          testEnvironment.simulator.reset();
          testEnvironment.simulator.clearCalls();
          const { api } = services[round % 2] ?? assert.fail();
          const { status } = await api.post(disconnectPath).set('authorization', admin);
          assert.equal(status, 200);
          const sent = testEnvironment.simulator.calls.filter(({ endpoint }) => endpoint === 'disconnect');
          assert.equal(sent.length, 1);
          await postgres.query("update operations set status = 'completed' where open", `bff_${mode}`);
        }
      } finally {
        for (const service of services) await service.close();
        await bouncer.close();
      }
    });
  }

  test('a role that is told to look in another schema first is named by readiness', async () => {
    const database = await postgres.createDatabase('elsewhere');
    await migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
    await postgres.query('create schema elsewhere authorization chromeos_bff', 'elsewhere');
    await postgres.query('alter role chromeos_bff in database elsewhere set search_path = elsewhere, public');
    const bouncer = await startPgBouncer(postgres, 'transaction');
    const url = database.url.replace(`:${postgres.port}/`, `:${bouncer.port}/`);
    const service = await startService(testEnvironment, {
      environment: { DATABASE_URL: url },
      unready: true,
    });
    try {
      await until('readiness says so', async () => {
        const { status, body } = await service.management.get('/readyz');
        return status === 503 && /looks in the schema elsewhere first/.test(JSON.stringify(body));
      });
    } finally {
      await service.close();
      await bouncer.close();
    }
  });
});

function tally(statuses: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
