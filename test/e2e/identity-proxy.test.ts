import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startProxy } from '../support/connect-proxy.ts';
import { until } from '../support/processes.ts';
import { emptyScene } from '../support/scene.ts';

describe('a proxy', () => {
  const it = emptyScene();
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  before(async () => {
    proxy = await startProxy();
  });
  after(() => proxy?.close());
  beforeEach(() => {
    proxy.connects.length = 0;
    proxy.state.refusing = false;
    proxy.state.silent = false;
  });

  test('HTTPS_PROXY: Entra’s documents, the exchange and Graph all go through it', async () => {
    await it.start({ environment: { HTTPS_PROXY: proxy.url } });
    assert.ok(proxy.connects.length > 0, 'the metadata came past the proxy');
    assert.equal((await it.readConnection()).status, 200);
    assert.equal((await it.disconnect()).status, 200);
    assert.deepEqual(new Set(proxy.connects), new Set([new URL(it.simulator.url).host]));
    // Nothing reached the simulator but through those connections, which were kept alive.
    assert.ok(proxy.connects.length < it.simulator.calls.length);
  });

  test('NO_PROXY is respected', async () => {
    await it.start({
      environment: { HTTPS_PROXY: proxy.url, NO_PROXY: 'example.com,localhost' },
    });
    assert.equal((await it.disconnect()).status, 200);
    assert.deepEqual(proxy.connects, []);
  });

  test('an empty HTTPS_PROXY is none', async () => {
    await it.start({ environment: { HTTPS_PROXY: '', NO_PROXY: '' } });
    assert.equal((await it.disconnect()).status, 200);
    assert.deepEqual(proxy.connects, []);
  });

  test('a proxy that falls silent before the act: nothing was sent, and the answer comes in time', async () => {
    await it.start({
      environment: { HTTPS_PROXY: proxy.url },
      timings: { graphTimeoutMs: 300, answerMs: 15_000 },
    });
    // The look and the exchange have connections that were kept; the act needs one of its own.
    const stop = it.simulator.onCall(({ endpoint }) => {
      if (endpoint === 'list') proxy.state.silent = true;
    });
    const begun = performance.now();
    const { status, body } = await it.disconnect();
    stop();
    assert.deepEqual([status, body.code], [503, 'graph_unavailable']);
    assert.ok(performance.now() - begun < 15_000);
    assert.equal(it.asked('disconnect'), 0);
    const [operation] = await it.query<{ status: string }>(
      'select status from operations order by position desc limit 1',
    );
    assert.equal(operation?.status, 'failed');
  });

  test('a proxy that refuses is an outage: nothing was sent, and nothing is unknown', async () => {
    await it.start({ environment: { HTTPS_PROXY: proxy.url } });
    proxy.state.refusing = true;
    it.simulator.clearCalls();
    const fresh = await it.start({ environment: { HTTPS_PROXY: proxy.url }, unready: true });
    await until('the first load has failed', () =>
      fresh.log.some(({ msg }) => msg === 'the signing keys could not be loaded'),
    );
    const { status, body } = await it.get('/api/v1/me', { on: fresh });
    assert.deepEqual([status, body.code], [503, 'signing_keys_unavailable']);
    assert.deepEqual(it.simulator.calls, []);
  });
});
