import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { emptyScene } from '../support/scene.ts';

type Check = { name: string; status: string; problem?: string; warning?: string };

describe('probes', () => {
  const it = emptyScene();

  test('short when all is well; ?verbose lists what was looked at', async () => {
    const { management } = await it.start();
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
  });

  test('alive but not ready without Entra and without the database; what fails is always listed', async () => {
    const { management } = await it.start({
      environment: {
        AZURE_AUTHORITY_HOST: 'https://localhost:1',
        DATABASE_URL: 'postgres://nobody:x@localhost:1/none',
      },
      unready: true,
    });
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
  });

  test('a Graph outage is no reason to serve nobody', async () => {
    const { management } = await it.start({ environment: { GRAPH_BASE_URL: 'https://localhost:1/beta' } });
    await management.get('/readyz').expect(200);
  });

  test('a role that may do more than it needs is a warning and a metric, not a refusal', async () => {
    const { management, metric } = await it.start({
      environment: { DATABASE_URL: it.testEnvironment.database.adminUrl },
    });
    await until('it is noticed', async () => (await metric('chromeos_bff_database_role_excessive')) === 1);
    assert.deepEqual((await management.get('/readyz').expect(200)).body, { status: 'ok' });
    const { body } = await management.get('/readyz?verbose').expect(200);
    const role = body.checks.find(({ name }: Check) => name === 'database role');
    assert.equal(role.status, 'warning');
    assert.match(
      role.warning,
      /owns the tables, may create in the schema, may itself write .*audit_events.*operations/,
    );
  });
});
