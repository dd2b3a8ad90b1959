import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Client, GraphError } from '@microsoft/microsoft-graph-client';
import { startService, startWorld, type TestService, type World } from '../support/service.ts';

describe('Microsoft’s own Graph client, over TLS', () => {
  let world: World;
  let service: TestService;
  let folder: string;
  let client: Client;
  before(async () => {
    world = await startWorld();
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-tls-'));
    const certFile = join(folder, 'cert.pem');
    const keyFile = join(folder, 'key.pem');
    await writeFile(certFile, world.simulator.tls.certPem);
    await writeFile(keyFile, world.simulator.tls.keyPem);
    service = await startService(world, { environment: { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } });
    const token = await world.simulator.token('admin');
    client = Client.init({
      baseUrl: `${service.url}/api/`,
      defaultVersion: 'v1',
      customHosts: new Set(['localhost']),
      authProvider: (done) => done(null, token),
    });
  });
  after(async () => {
    await service?.close();
    await world?.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await world.closeOperations();
    world.simulator.reset();
    world.simulator.clearCalls();
  });

  const acts = () => world.simulator.calls.filter((call) => call.endpoint === 'disconnect').length;

  test('makes the same call as against Graph', async () => {
    const answer = await client
      .api('/deviceManagement/chromeOSOnboardingSettings/disconnect')
      .post(undefined);
    assert.equal(answer.value, 'inprogress');
    assert.equal(acts(), 1);
  });

  test('does not send the POST again when the outcome is unknown, and reads our code', async () => {
    world.simulator.setFault('disconnect', { status: 503, body: 'x' });
    await assert.rejects(
      client.api('/deviceManagement/chromeOSOnboardingSettings/disconnect').post(undefined),
      (error) => {
        assert.ok(error instanceof GraphError);
        assert.equal(error.statusCode, 502);
        assert.equal(error.code, 'outcome_unknown');
        assert.ok(error.requestId);
        return true;
      },
    );
    assert.equal(acts(), 1);
  });
});
