import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { Agent, request } from 'undici';
import { until } from '../support/processes.ts';
import { emptyScene, hold } from '../support/scene.ts';
import { bearer, connectionPath, disconnectPath } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';

/** A balancer as a cluster has it: knows who is ready from `/readyz` and nothing else, looks every 50 ms,
 *  keeps its connections alive, and never sends a call twice. */
async function startBalancer() {
  const upstreams: { process: ServiceProcess; agent: http.Agent; ready: boolean; sent: number }[] = [];
  const failures: string[] = [];
  let turn = 0;
  const server = http.createServer((incoming, outgoing) => {
    const ready = upstreams.filter((upstream) => upstream.ready);
    const upstream = ready[turn++ % ready.length];
    if (upstream === undefined) {
      failures.push('nobody is ready');
      outgoing.writeHead(503).end();
      return;
    }
    upstream.sent += 1;
    const { method, url, headers } = incoming;
    const forwarded = http.request(
      new URL(url ?? '/', upstream.process.url),
      { method: method ?? 'GET', headers, agent: upstream.agent },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, { 'content-type': 'application/json' });
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', (error) => {
      failures.push(error.message);
      outgoing.writeHead(502).end();
    });
    incoming.pipe(forwarded);
  });
  const isReady = async (process: ServiceProcess) => {
    try {
      const answer = await request(`${process.managementUrl}/readyz`, { headersTimeout: 1000 });
      await answer.body.dump();
      return answer.statusCode === 200;
    } catch {
      return false;
    }
  };
  const probe = setInterval(() => {
    for (const upstream of upstreams) {
      void isReady(upstream.process).then((ready) => {
        upstream.ready = ready;
      });
    }
  }, 50);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failures,
    upstreams,
    add(process: ServiceProcess) {
      upstreams.push({ process, agent: new http.Agent({ keepAlive: true }), ready: false, sent: 0 });
    },
    close() {
      clearInterval(probe);
      server.closeAllConnections();
      server.close();
      for (const { agent } of upstreams) agent.destroy();
    },
  };
}

describe('rolling from one process to the next', () => {
  let old: ServiceProcess;
  let fresh: ServiceProcess;
  after(async () => {
    await fresh?.kill();
    await old?.kill();
  });
  const it = emptyScene();

  test('under load no call fails and no record is lost', async () => {
    // Production's own drain: long against the balancer's looks.
    const environment = { NODE_ENV: 'production', RATE_LIMIT_CALLER: '0' };
    const balancer = await startBalancer();
    const agent = new Agent({ connections: 32 });
    try {
      old = await startServiceProcess(it.testEnvironment, environment);
      balancer.add(old);
      await until('the old one is ready', () => balancer.upstreams[0]?.ready === true);

      const [reader, admin] = await Promise.all([it.simulator.token('reader'), it.simulator.token('admin')]);
      const call = async (method: 'GET' | 'POST', path: string, token: string) => {
        const answer = await request(`${balancer.url}${path}`, {
          method,
          headers: { authorization: bearer(token) },
          dispatcher: agent,
        });
        return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, unknown> };
      };

      let going = true;
      const statuses = new Map<number, number>();
      const readers = Array.from({ length: 8 }, async () => {
        while (going) {
          const { status } = await call('GET', connectionPath, reader);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      });

      // A disconnect that is with Graph while the old process is told to stop.
      const held = hold(it.simulator, 'disconnect');
      const disconnecting = call('POST', disconnectPath, admin);
      await held.arrived();

      fresh = await startServiceProcess(it.testEnvironment, environment);
      balancer.add(fresh);
      await until('the new one is ready', () => balancer.upstreams[1]?.ready === true);
      old.child.kill('SIGTERM');
      await until('the old one is out', () => balancer.upstreams[0]?.ready === false);
      held.release();
      assert.equal(await old.ended(), 0);
      const disconnected = await disconnecting;
      const seen = balancer.upstreams[1]?.sent ?? 0;
      await until('the new one serves alone', () => (balancer.upstreams[1]?.sent ?? 0) > seen + 50);
      going = false;
      await Promise.all(readers);

      assert.deepEqual(balancer.failures, []);
      assert.deepEqual([...statuses.keys()], [200]);
      assert.equal(disconnected.status, 200);
      const [reads] = await it.query<{ count: number }>(
        "select count(*)::int as count from audit_events where event = 'read'",
      );
      assert.equal(reads?.count, statuses.get(200));
      const events = await it.events(String(disconnected.body.operationId));
      for (const event of ['attempt', 'outcome']) {
        assert.equal(events.filter((one) => one.event === event).length, 1, event);
      }
      assert.equal(old.log.at(-1)?.msg, 'stopped');
      assert.equal(old.log.filter((line) => line.level === 'error').length, 0);
    } finally {
      await agent.close();
      balancer.close();
    }
  });
});
