import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { startProxy } from '../support/connect-proxy.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  startService,
  startWorld,
  type TestService,
  type World,
} from '../support/service.ts';
import { adjusted } from '../support/timings.ts';

describe('a proxy', () => {
  let world: World;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let service: TestService | undefined;
  before(async () => {
    [world, proxy] = await Promise.all([startWorld(), startProxy()]);
  });
  after(async () => {
    await proxy?.close();
    await world?.close();
  });
  beforeEach(async () => {
    await world.closeOperations();
    world.simulator.reset();
    proxy.connects.length = 0;
    proxy.state.refusing = false;
    proxy.state.silent = false;
  });
  afterEach(async () => {
    await service?.close();
    service = undefined;
  });

  const authority = () => new URL(world.simulator.url).host;
  const admin = async () => bearer(await world.simulator.token('admin'));

  test('HTTPS_PROXY: Entra’s documents, the exchange and Graph all go through it', async () => {
    service = await startService(world, { environment: { HTTPS_PROXY: proxy.url } });
    assert.ok(proxy.connects.length > 0, 'the metadata came past the proxy');
    await service.api
      .get(connectionPath)
      .set('authorization', await admin())
      .expect(200);
    await service.api
      .post(disconnectPath)
      .set('authorization', await admin())
      .expect(200);
    assert.deepEqual(new Set(proxy.connects), new Set([authority()]));
    // Nothing reached the simulator but through those connections, which were kept alive.
    assert.ok(proxy.connects.length < world.simulator.calls.length);
  });

  test('NO_PROXY is respected', async () => {
    service = await startService(world, {
      environment: { HTTPS_PROXY: proxy.url, NO_PROXY: 'example.com,localhost' },
    });
    await service.api
      .post(disconnectPath)
      .set('authorization', await admin())
      .expect(200);
    assert.deepEqual(proxy.connects, []);
  });

  test('an empty HTTPS_PROXY is none', async () => {
    service = await startService(world, { environment: { HTTPS_PROXY: '', NO_PROXY: '' } });
    await service.api
      .post(disconnectPath)
      .set('authorization', await admin())
      .expect(200);
    assert.deepEqual(proxy.connects, []);
  });

  test('a proxy that falls silent before the act: nothing was sent, and the answer comes in time', async () => {
    service = await startService(world, {
      environment: { HTTPS_PROXY: proxy.url },
      adjust: adjusted({ graphTimeoutMs: 300, answerMs: 15_000 }),
    });
    // The look and the exchange have connections that were kept; the act needs one of its own.
    const stop = world.simulator.onCall(({ endpoint }) => {
      if (endpoint === 'list') proxy.state.silent = true;
    });
    const begun = performance.now();
    const { status, body } = await service.api.post(disconnectPath).set('authorization', await admin());
    stop();
    assert.deepEqual([status, body.code], [503, 'graph_unavailable']);
    assert.ok(performance.now() - begun < 15_000);
    assert.deepEqual(
      world.simulator.calls.filter(({ endpoint }) => endpoint === 'disconnect'),
      [],
    );
    const [operation] = await world.query<{ status: string }>(
      'select status from operations order by position desc limit 1',
    );
    assert.equal(operation?.status, 'failed');
  });

  test('a proxy that refuses is an outage: nothing was sent, and nothing is unknown', async () => {
    service = await startService(world, { environment: { HTTPS_PROXY: proxy.url } });
    proxy.state.refusing = true;
    world.simulator.clearCalls();
    const fresh = await startService(world, { environment: { HTTPS_PROXY: proxy.url }, unready: true });
    try {
      await until('the first load has failed', async () =>
        fresh.log.some(({ msg }) => msg === 'the signing keys could not be loaded'),
      );
      const { body } = await fresh.api
        .get('/api/v1/me')
        .set('authorization', await admin())
        .expect(503);
      assert.equal(body.code, 'signing_keys_unavailable');
      assert.deepEqual(world.simulator.calls, []);
    } finally {
      await fresh.close();
    }
  });
});
