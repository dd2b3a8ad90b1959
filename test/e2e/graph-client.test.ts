import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Client, GraphError } from '@microsoft/microsoft-graph-client';
import { scene } from '../support/scene.ts';
import { tlsFiles } from '../support/tls-files.ts';

describe('Microsoft’s own Graph client, over TLS', () => {
  const files = tlsFiles();
  const it = scene({ environment: ({ simulator }) => files.put(simulator.tls) });
  let client: Client;
  before(async () => {
    const token = await it.simulator.token('admin');
    client = Client.init({
      baseUrl: `${it.service.url}/api/`,
      defaultVersion: 'v1',
      customHosts: new Set(['localhost']),
      authProvider: (done) => done(null, token),
    });
  });

  test('makes the same call as against Graph', async () => {
    const answer = await client
      .api('/deviceManagement/chromeOSOnboardingSettings/disconnect')
      .post(undefined);
    assert.equal(answer.value, 'inprogress');
    assert.equal(it.asked('disconnect'), 1);
  });

  test('does not send the POST again when the outcome is unknown, and reads our code', async () => {
    it.simulator.setFault('disconnect', { status: 503, body: 'x' });
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
    assert.equal(it.asked('disconnect'), 1);
  });
});
