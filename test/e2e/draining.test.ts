import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { describe, test } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { until } from '../support/processes.ts';
import { emptyScene, hold } from '../support/scene.ts';
import { bearer, connectionPath, disconnectPath, type LogLine } from '../support/service.ts';

describe('draining', () => {
  const it = emptyScene();

  const within = (times: Partial<Settings['server']>) => (settings: Settings) => ({
    ...settings,
    server: { ...settings.server, ...times },
  });

  function get(url: string, agent: http.Agent): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      http
        .get(url, { agent }, (answer) => answer.resume().once('end', () => resolve(answer)))
        .once('error', reject);
    });
  }

  test('serves on, but says on every answer that the connection closes; idle ones close at the end', async () => {
    const service = await it.start({ adjust: within({ drainMs: 500 }) });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const idle = net.connect(Number(new URL(service.url).port), 'localhost');
    await once(idle, 'connect');
    const idleClosed = once(idle, 'close');
    const url = `${service.url}${connectionPath}`;
    assert.equal((await get(url, agent)).headers.connection, 'keep-alive');

    const closed = service.close();
    await until('it says so', async () => (await service.management.get('/readyz')).status === 503);
    const answer = await get(url, agent);
    assert.equal(answer.statusCode, 401);
    assert.equal(answer.headers.connection, 'close');
    idle.resume();
    await Promise.all([closed, idleClosed]);
    await assert.rejects(get(url, agent), { code: 'ECONNREFUSED' });
    agent.destroy();
  });

  test('a caller who goes away does not end the call: its outcome is on record before we are gone', async () => {
    const service = await it.start();
    const graph = hold(it.simulator, 'disconnect');
    const call = new AbortController();
    const answer = fetch(`${service.url}${disconnectPath}`, {
      method: 'POST',
      headers: { authorization: bearer(await it.simulator.token('admin')) },
      signal: call.signal,
    });
    await graph.arrived();
    call.abort();
    await assert.rejects(answer);
    // What the service reads on another connection since comes later.
    for (let round = 0; round < 3; round += 1) await service.management.get('/livez');
    assert.equal(await service.metric('chromeos_bff_requests_in_flight'), 1);
    const closed = service.close();
    graph.release();
    await closed;
    assert.ok(service.log.some(({ aborted }) => aborted === true));
    const events = await it.query(
      "select event from audit_events where event in ('attempt', 'outcome') order by number",
    );
    assert.deepEqual(
      events.map(({ event }) => event),
      ['attempt', 'outcome'],
    );
    assert.ok(!service.log.some(({ level }) => level === 'error'));
  });

  test('whoever waits for a change is answered as things stand, and is not cut off', async () => {
    const service = await it.start();
    const id = await it.acceptedOperation();
    const waiting = it.operation(id, { headers: { prefer: 'wait=30' } });
    await until('it waits', async () => (await service.metric('chromeos_bff_requests_in_flight')) === 1);
    await service.close();
    const answer = await waiting;
    assert.equal(answer.status, 200);
    assert.equal(answer.body.operationId, id);
  });

  test('what hangs is left behind when the time is up, and logged', async () => {
    const service = await it.start({ adjust: within({ shutdownMs: 200, tidyMs: 200 }) });
    const graph = hold(it.simulator, 'disconnect');
    const lost = assert.rejects(it.disconnect());
    await graph.arrived();
    const begun = performance.now();
    await service.close();
    assert.ok(performance.now() - begun < 3000);
    await lost;
    const left = service.log.find(({ msg }) => msg.includes('left unfinished'));
    assert.equal(left?.unfinished, 1);
    graph.release();
    // The database was let go of: the log has what could not be recorded, whole.
    const told = () => service.log.find(({ kind }) => kind === 'outcome');
    await until('the outcome is in the log', () => told() !== undefined);
    const { event } = told() as LogLine & { event: AuditEvent };
    assert.deepEqual([event.event, event.result], ['outcome', 'accepted']);
  });
});
