import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createHttpClient, RequestFailed } from '../../../src/adapters/outbound/http-client.ts';

describe('a request that must have been sent by some time', () => {
  let received = 0;
  let bytes = 0;
  const server = http.createServer((_request, response) => {
    received += 1;
    response.end('{}');
  });
  server.on('connection', (socket) => socket.on('data', (chunk) => (bytes += chunk.length)));
  const client = createHttpClient({ https: null, exceptions: null });
  before(async () => {
    server.listen(0);
    await once(server, 'listening');
  });
  after(async () => {
    await client.close();
    server.close();
  });
  const act = (mayStart: () => boolean) =>
    client.send({
      method: 'POST',
      url: `http://localhost:${(server.address() as AddressInfo).port}/`,
      headers: {},
      timeoutMs: 5000,
      ownConnection: true,
      mayStart,
    });

  test('is not sent at all once the connection stands too late', async () => {
    await assert.rejects(
      act(() => false),
      (error) => error instanceof RequestFailed && !error.sent && error.code === 'TOO_LATE',
    );
    assert.deepEqual([received, bytes], [0, 0]);
  });

  test('is asked about once, and sent where it is in time', async () => {
    let asked = 0;
    const answer = await act(() => {
      asked += 1;
      return true;
    });
    assert.deepEqual([answer.status, asked, received], [200, 1, 1]);
  });
});
