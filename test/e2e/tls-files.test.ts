import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import tls from 'node:tls';
import { makeTls, type SimulatorTls } from '../../simulator/certificates.ts';
import { until } from '../support/processes.ts';
import { scene } from '../support/scene.ts';
import { tlsFiles } from '../support/tls-files.ts';

describe('the TLS files of the API port', () => {
  let first: SimulatorTls;
  let second: SimulatorTls;
  before(async () => {
    [first, second] = await Promise.all([makeTls(), makeTls()]);
  });
  const files = tlsFiles();
  const it = scene({ environment: () => files.put(first) });

  /** Whether a client that trusts only that CA gets through. */
  function trusts(ca: SimulatorTls): Promise<boolean> {
    const { port } = new URL(it.service.url);
    return new Promise((resolve) => {
      const socket = tls.connect({ port: Number(port), host: 'localhost', ca: ca.caPem }, () => {
        socket.end();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  }
  const complaints = () => it.service.log.filter((line) => line.msg.includes('TLS files')).length;

  test('a pair that does not belong together, or half of one, leaves the one before in use', async () => {
    await files.put({ certPem: second.certPem, keyPem: first.keyPem });
    await until('the mismatch is logged', () => complaints() === 1);
    assert.equal(await trusts(first), true);

    await files.put({ certPem: second.certPem.slice(0, 300), keyPem: second.keyPem });
    assert.equal(await trusts(first), true);
    assert.equal(await trusts(second), false);
    assert.doesNotMatch(JSON.stringify(it.service.log), /BEGIN|chromeos-bff-test/);
  });

  test('a new pair is for all new connections, and one that is open stays', async () => {
    const { port } = new URL(it.service.url);
    const open = tls.connect({ port: Number(port), host: 'localhost', ca: first.caPem });
    await new Promise((resolve) => open.once('secureConnect', resolve));
    await files.put(second);
    await until('the new pair is in use', () => trusts(second));
    assert.equal(await trusts(first), false);
    assert.equal(open.destroyed, false);
    open.destroy();
    const expiry = await it.service.metric('chromeos_bff_tls_certificate_expiry_timestamp_seconds');
    assert.ok(expiry > Date.now() / 1000);
  });
});
