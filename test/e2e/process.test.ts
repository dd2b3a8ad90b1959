import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../support/processes.ts';
import { emptyScene, hold } from '../support/scene.ts';
import { eventsPath } from '../support/service.ts';
import { spawnMain, startServiceProcess } from '../support/service-process.ts';

describe('boot and stop', () => {
  const it = emptyScene();

  test('wrong and missing settings: all complaints at once, by name, never by value, exit 1', async () => {
    const { child, stderr } = spawnMain({
      NODE_ENV: 'production',
      PORT: 'not-a-port',
      GRAPH_BASE_URL: 'http://plain.example/beta',
      AZURE_CLIENT_ID: 'no-guid',
      TLS_CERT_FILE: '/some/where',
    });
    const [code] = await once(child, 'exit');
    assert.equal(code, 1);
    for (const name of [
      'PORT',
      'GRAPH_BASE_URL',
      'AZURE_CLIENT_ID',
      'AZURE_TENANT_ID',
      'DATABASE_URL',
      'ALLOWED_CLIENT_IDS',
      'TLS_KEY_FILE',
      'AZURE_CLIENT_SECRET',
    ]) {
      assert.match(stderr(), new RegExp(`\\b${name}\\b`));
    }
    assert.doesNotMatch(stderr(), /not-a-port|plain\.example|no-guid|some.where/);
  });

  test('files that cannot be used are complained of by name too, all at once', async () => {
    const { child, stderr } = spawnMain({
      ...it.testEnvironment.environment(),
      TLS_CERT_FILE: '/does/not/exist/cert.pem',
      TLS_KEY_FILE: fileURLToPath(import.meta.url),
      AUDIT_SIGNING_KEY_FILE: fileURLToPath(import.meta.url),
      CLOUD: 'mars',
    });
    const [code] = await once(child, 'exit');
    assert.equal(code, 1);
    assert.match(stderr(), /TLS_CERT_FILE cannot be read \(ENOENT\)/);
    assert.match(stderr(), /TLS_KEY_FILE does not hold an unencrypted private key/);
    assert.match(stderr(), /AUDIT_SIGNING_KEY_FILE does not hold an Ed25519 private key/);
    assert.match(stderr(), /CLOUD must be one of/);
    assert.doesNotMatch(stderr(), /exist|process\.test/);
  });

  test('a port that is taken is named', async () => {
    const blocker = net.createServer().listen(0);
    await once(blocker, 'listening');
    const { port } = blocker.address() as net.AddressInfo;
    const { child, log } = spawnMain(it.testEnvironment.environment({ PORT: String(port) }));
    const [code] = await once(child, 'exit');
    blocker.close();
    assert.equal(code, 1);
    assert.match(String(log.at(-1)?.msg), new RegExp(`Port ${port} is taken: set PORT`));
  });

  test('HOST is the one address that both ports listen on; one of another machine is complained of', async () => {
    const service = await startServiceProcess(it.testEnvironment, { HOST: '127.0.0.2' });
    try {
      for (const url of [service.url, service.managementUrl]) {
        const { port } = new URL(url);
        assert.ok((await fetch(`http://127.0.0.2:${port}/livez`)).status > 0);
        await assert.rejects(fetch(`http://127.0.0.1:${port}/livez`));
      }
    } finally {
      await service.kill();
    }
    const { child, log } = spawnMain(it.testEnvironment.environment({ HOST: '192.0.2.1' }));
    const [code] = await once(child, 'exit');
    assert.equal(code, 1);
    assert.match(String(log.at(-1)?.msg), /HOST is no address of this machine/);
  });

  test('starts and stays up without Entra and without its database, and says so', async () => {
    const service = await startServiceProcess(it.testEnvironment, {
      AZURE_AUTHORITY_HOST: 'https://localhost:1',
      DATABASE_URL: 'postgres://nobody:x@localhost:1/none',
    });
    const { management } = service;
    const ready = await management.get('/readyz').expect(503);
    const problems = ready.body.checks.filter((check: { problem?: string }) => check.problem);
    assert.deepEqual(
      problems.map((check: { name: string }) => check.name),
      ['signing keys', 'database'],
    );
    await management.get('/livez').expect(200);
    const refused = await it.disconnect({ on: service });
    assert.deepEqual([refused.status, refused.body.code], [503, 'signing_keys_unavailable']);
    assert.ok(refused.headers['retry-after']);
    service.child.kill('SIGTERM');
    assert.equal(await service.ended(), 0);
  });

  test('a schema that is not current: not ready, and nothing is done', async () => {
    await it.query('alter table kysely_migration rename to kysely_migration_away');
    const service = await startServiceProcess(it.testEnvironment);
    try {
      const ready = await service.management.get('/readyz').expect(503);
      assert.match(JSON.stringify(ready.body), /run the migrations/);
    } finally {
      await it.query('alter table kysely_migration_away rename to kysely_migration');
      await service.kill('SIGTERM');
    }
  });

  test('no record, no action: without the database Graph is not called', async () => {
    const service = await startServiceProcess(it.testEnvironment, {
      DATABASE_URL: 'postgres://nobody:x@localhost:1/none',
    });
    await until('the keys are loaded', async () => {
      const ready = await service.management.get('/readyz');
      return ready.body.checks.every(
        (check: { name: string; problem?: string }) => check.name === 'database' || !check.problem,
      );
    });
    it.simulator.clearCalls();
    const response = await it.disconnect({ on: service });
    assert.deepEqual([response.status, response.body.code], [503, 'audit_unavailable']);
    assert.equal(it.simulator.acts().length, 0);
    await service.kill('SIGTERM');
  });

  test('SIGTERM: readiness fails first, the call in flight finishes and is on record, exit 0', async () => {
    const service = await startServiceProcess(it.testEnvironment);
    const { management } = service;
    await until('ready', async () => (await management.get('/readyz')).status === 200);

    const held = hold(it.simulator, 'disconnect');
    const answer = it.disconnect({ on: service });
    await held.arrived();
    service.child.kill('SIGTERM');
    await until('not ready', async () => (await management.get('/readyz')).status === 503);
    held.release();
    const response = await answer;
    assert.equal(response.status, 200);
    assert.equal(await service.ended(), 0);
    assert.equal((await it.events(response.body.operationId)).length, 2);
    assert.equal(service.log.at(-1)?.msg, 'stopped');
  });

  test('the log is JSON, one line a request, and holds no token', async () => {
    const service = await startServiceProcess(it.testEnvironment);
    await until('ready', async () => (await service.management.get('/readyz')).status === 200);
    const token = await it.simulator.token('auditor');
    assert.equal((await it.get(eventsPath, { on: service, token })).status, 200);
    await until('it is logged', () => service.log.some((line) => line.msg === 'request'));
    await service.kill('SIGTERM');
    assert.equal(service.log.filter((line) => line.msg === 'request').length, 1);
    assert.ok(!JSON.stringify(service.log).includes(token));
    assert.equal(service.stderr(), '');
  });
});
