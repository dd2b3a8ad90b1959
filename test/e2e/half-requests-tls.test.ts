import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { connectRaw, postHead } from '../support/raw-http.ts';
import { hold, scene } from '../support/scene.ts';
import { bearer, disconnectPath } from '../support/service.ts';
import { tlsFiles } from '../support/tls-files.ts';

describe('a caller over TLS', () => {
  const files = tlsFiles();
  const it = scene({ environment: ({ simulator }) => files.put(simulator.tls) });
  const body = '{"reason":"The contract ends"}';

  async function started(sent: string) {
    const connection = await connectRaw(it.service.url);
    const headers = {
      authorization: bearer(await it.simulator.token('admin')),
      'content-type': 'application/json',
      'content-length': body.length,
    };
    connection.send(postHead(disconnectPath, headers) + sent);
    return connection;
  }
  const over = () =>
    it.service.log.filter(({ msg, aborted }) => msg === 'request' && aborted === true).length;

  for (const way of ['finish', 'close'] as const) {
    test(`who leaves during the act is answered by the record: ${way}`, async () => {
      const before = over();
      const held = hold(it.simulator, 'disconnect');
      const connection = await started(body);
      await held.arrived();
      connection[way]();
      for (let round = 0; round < 3; round += 1) await it.service.api.get('/api/v1/me');
      held.release();
      await until('the call is over', () => over() === before + 1);
      const line = it.service.log.findLast(({ msg, aborted }) => msg === 'request' && aborted === true);
      const events = await it.events(String(line?.operationId));
      assert.deepEqual(
        events.map(({ event, reason }) => [event, reason]),
        [
          ['attempt', 'The contract ends'],
          ['outcome', 'The contract ends'],
        ],
      );
      connection.close();
    });

    test(`who leaves before their body is whole has asked for nothing: ${way}`, async () => {
      const before = over();
      const connection = await started(body.slice(0, 9));
      connection[way]();
      await until('the call is over', () => over() === before + 1);
      assert.equal(it.asked('token') + it.asked('disconnect'), 0);
      connection.close();
    });
  }

  test('hears why bytes that are no request are refused', async () => {
    const connection = await connectRaw(it.service.url);
    connection.send('nonsense\r\n\r\n');
    const answer = await connection.answer();
    assert.deepEqual([answer.status, answer.body.code], [400, 'request_malformed']);
    await connection.closed();
  });

  test('hears the answer, however many bytes follow', async () => {
    const connection = await started(`${body}${'x'.repeat(2_000_000)}`);
    assert.equal((await connection.answer()).body.code, 'request_malformed');
    connection.close();
  });
});
