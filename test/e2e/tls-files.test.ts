import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { makeTls, type SimulatorTls } from '../../simulator/certificates.ts';
import { until } from '../support/processes.ts';
import { startService, startWorld, type TestService, type World } from '../support/service.ts';

describe('the TLS files of the API port', () => {
  let world: World;
  let service: TestService;
  let folder: string;
  let first: SimulatorTls;
  let second: SimulatorTls;
  const paths = () => ({
    TLS_CERT_FILE: join(folder, 'data/tls.crt'),
    TLS_KEY_FILE: join(folder, 'data/tls.key'),
  });

  before(async () => {
    [world, first, second] = await Promise.all([startWorld(), makeTls(), makeTls()]);
    folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-tls-'));
    await swapTo('one', first.certPem, first.keyPem);
    service = await startService(world, { environment: paths() });
  });
  after(async () => {
    await service?.close();
    await world?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** As Kubernetes does: a new folder, and the symbolic link swapped to it. */
  async function swapTo(name: string, cert: string, key: string): Promise<void> {
    const target = await mkdtemp(join(folder, `${name}-`));
    await writeFile(join(target, 'tls.crt'), cert);
    await writeFile(join(target, 'tls.key'), key);
    await symlink(target, join(folder, 'next'));
    await rename(join(folder, 'next'), join(folder, 'data'));
  }

  /** Whether a client that trusts only that CA gets through. */
  function trusts(ca: SimulatorTls): Promise<boolean> {
    const { port } = new URL(service.url);
    return new Promise((resolve) => {
      const socket = tls.connect({ port: Number(port), host: 'localhost', ca: ca.caPem }, () => {
        socket.end();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  }
  const complaints = () => service.log.filter((line) => line.msg.includes('TLS files')).length;

  test('a pair that does not belong together, or half of one, leaves the one before in use', async () => {
    await swapTo('mismatch', second.certPem, first.keyPem);
    await until('the mismatch is logged', () => complaints() === 1);
    assert.equal(await trusts(first), true);

    await swapTo('half', second.certPem.slice(0, 300), second.keyPem);
    assert.equal(await trusts(first), true);
    assert.equal(await trusts(second), false);
    assert.doesNotMatch(JSON.stringify(service.log), /BEGIN|chromeos-bff-tls/);
  });

  test('a new pair is for all new connections, and one that is open stays', async () => {
    const { port } = new URL(service.url);
    const open = tls.connect({ port: Number(port), host: 'localhost', ca: first.caPem });
    await new Promise((resolve) => open.once('secureConnect', resolve));
    await swapTo('two', second.certPem, second.keyPem);
    await until('the new pair is in use', () => trusts(second));
    assert.equal(await trusts(first), false);
    assert.equal(open.destroyed, false);
    open.destroy();
    const expiry = await service.metric('chromeos_bff_tls_certificate_expiry_timestamp_seconds');
    assert.ok(expiry > Date.now() / 1000);
  });
});
