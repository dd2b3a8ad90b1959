import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createHttpClient, RequestFailed } from '../../../src/adapters/outbound/http-client.ts';
import { until } from '../../support/processes.ts';

describe('a request that must be allowed before it is written', () => {
  let connections = 0;
  let open = 0;
  let received = 0;
  let bytes = 0;
  const server = http.createServer((_request, response) => {
    received += 1;
    response.end('{}');
  });
  server.on('connection', (socket) => {
    connections += 1;
    open += 1;
    socket.on('data', (chunk) => (bytes += chunk.length));
    socket.on('error', () => {});
    socket.on('close', () => {
      open -= 1;
    });
  });
  const client = createHttpClient({ https: null, exceptions: null });
  before(async () => {
    server.listen(0);
    await once(server, 'listening');
  });
  after(async () => {
    await client.close();
    server.close();
  });
  const act = (beforeWriting: () => Promise<void>, timeoutMs = 5000) =>
    client.send({
      method: 'POST',
      url: `http://localhost:${(server.address() as AddressInfo).port}/`,
      headers: {},
      timeoutMs,
      ownConnection: true,
      beforeWriting,
    });

  test('is not sent at all where the answer is no, and fails with it', async () => {
    const refusal = new Error('no');
    await assert.rejects(
      act(() => Promise.reject(refusal)),
      (error) => error === refusal,
    );
    assert.deepEqual([connections, received, bytes], [1, 0, 0]);
  });

  test('is not sent while there is no answer, nor once its time is up', async () => {
    const answer = Promise.withResolvers<void>();
    await assert.rejects(
      act(() => answer.promise, 500),
      (error) => error instanceof RequestFailed && !error.sent && error.code === 'TIMEOUT',
    );
    answer.resolve();
    await until('its connection is closed', () => open === 0);
    assert.deepEqual([received, bytes], [0, 0]);
  });

  test('is not sent where its connection was closed meanwhile', async () => {
    const gone = Promise.withResolvers<void>();
    server.once('connection', (socket) => {
      socket.once('close', () => gone.resolve());
      socket.end();
    });
    await assert.rejects(
      act(() => gone.promise),
      (error) => error instanceof RequestFailed && !error.sent && error.code === 'CLOSED_BEFORE_WRITING',
    );
    assert.deepEqual([received, bytes], [0, 0]);
  });

  test('is asked about once, when the connection is there, and sent where the answer is yes', async () => {
    const asked: number[] = [];
    const before = connections;
    const answer = await act(async () => void asked.push(connections));
    assert.deepEqual([answer.status, asked, received], [200, [before + 1], 1]);
  });
});
