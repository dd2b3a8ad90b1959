import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { startService, startWorld, type TestService, type World } from '../support/service.ts';

type Check = { name: string; status: string; problem?: string; warning?: string };

describe('probes', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world?.close());

  async function withService(
    environment: Record<string, string>,
    work: (service: TestService) => Promise<void>,
    unready = true,
  ): Promise<void> {
    const service = await startService(world, { environment, unready });
    try {
      await work(service);
    } finally {
      await service.close();
    }
  }

  test('short when all is well; ?verbose lists what was looked at', async () => {
    await withService(
      {},
      async ({ management }) => {
        assert.deepEqual((await management.get('/livez').expect(200)).body, { status: 'ok' });
        assert.deepEqual((await management.get('/readyz').expect(200)).body, { status: 'ok' });
        assert.deepEqual((await management.get('/livez?verbose').expect(200)).body, {
          status: 'ok',
          checks: [{ name: 'process', status: 'ok' }],
        });
        const look = async () => (await management.get('/readyz?verbose').expect(200)).body;
        await until('the role has been looked at', async () =>
          (await look()).checks.some(({ name }: Check) => name === 'database role'),
        );
        const verbose = await look();
        assert.equal(verbose.status, 'ok');
        assert.deepEqual(
          verbose.checks.slice(0, 8).map(({ name, status }: Check) => [name, status]),
          [
            ['running', 'ok'],
            ['signing keys', 'ok'],
            ['client credential', 'ok'],
            ['database', 'ok'],
            ['database connections', 'ok'],
            // There is one server: it has no standby to lose.
            ['database durability', 'warning'],
            ['audit history', 'ok'],
            ['database role', 'ok'],
          ],
        );
      },
      false,
    );
  });

  test('alive but not ready without Entra and without the database; what fails is always listed', async () => {
    await withService(
      { AZURE_AUTHORITY_HOST: 'https://localhost:1', DATABASE_URL: 'postgres://nobody:x@localhost:1/none' },
      async ({ management }) => {
        await management.get('/livez').expect(200);
        const { body } = await management.get('/readyz').expect(503);
        assert.equal(body.status, 'not ready');
        assert.deepEqual(
          body.checks.map(({ name, status }: Check) => [name, status]),
          [
            ['signing keys', 'failed'],
            ['database', 'failed'],
          ],
        );
      },
    );
  });

  test('a Graph outage is no reason to serve nobody', async () => {
    await withService(
      { GRAPH_BASE_URL: 'https://localhost:1/beta' },
      async ({ management }) => {
        await management.get('/readyz').expect(200);
      },
      false,
    );
  });

  test('a role that may do more than it needs is a warning and a metric, not a refusal', async () => {
    await withService(
      { DATABASE_URL: world.database.adminUrl },
      async ({ management, metric }) => {
        await until(
          'it is noticed',
          async () => (await metric('chromeos_bff_database_role_excessive')) === 1,
        );
        assert.deepEqual((await management.get('/readyz').expect(200)).body, { status: 'ok' });
        const { body } = await management.get('/readyz?verbose').expect(200);
        const role = body.checks.find(({ name }: Check) => name === 'database role');
        assert.equal(role.status, 'warning');
        assert.match(
          role.warning,
          /owns the tables, may create in the schema, may itself write .*audit_events.*operations/,
        );
      },
      false,
    );
  });
});
