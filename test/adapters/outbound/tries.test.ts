import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  createHttpClient,
  type EndableHttpClient,
  type OutboundTry,
  RequestFailed,
} from '../../../src/adapters/outbound/http-client.ts';
import { type Peer, startPeer } from './peer.ts';

describe('who listens hears of each request that is over', () => {
  const answers: RequestListener[] = [];
  const heard: OutboundTry[] = [];
  let peer: Peer;
  let client: EndableHttpClient;
  before(async () => {
    peer = await startPeer((request, response) => {
      const answer = answers.shift() ?? ((_request, usual) => usual.end('{}'));
      answer(request, response);
    });
    client = createHttpClient(
      { https: null, exceptions: null },
      { connectTimeoutMs: 30_000, maxAnswerBytes: 1024 },
      { currentCall: () => 'call-1', onTry: (tried) => heard.push(tried) },
    );
  });
  beforeEach(() => {
    heard.length = 0;
  });
  after(async () => {
    await client?.destroy();
    await peer?.close();
  });

  const cutOff: RequestListener = (request) => request.socket.destroy();
  const read = (more: { repeatable?: boolean } = {}) =>
    client.send({
      method: 'GET',
      url: `${peer.url}here`,
      headers: { 'x-id': '1' },
      timeoutMs: 30_000,
      ...more,
    });
  const request = () => ({
    method: 'GET',
    url: `${peer.url}here`,
    headers: { 'x-id': '1' },
    callId: 'call-1',
  });

  test('with its answer', async () => {
    const begunAt = performance.now();
    const answer = await read();
    const [{ durationMs, ...tried } = { durationMs: -1 }, ...more] = heard;
    assert.deepEqual([tried, more], [{ ...request(), answer, failure: null }, []]);
    assert.ok(durationMs > 0 && durationMs <= performance.now() - begunAt, `${durationMs}`);
  });

  test('with its failure, and of the one that was sent again besides', async () => {
    await read();
    // The pool has its connection back then.
    await nextTurn();
    heard.length = 0;
    answers.push(cutOff);
    const answer = await read({ repeatable: true });
    const [first, second, ...more] = heard;
    assert.ok(first?.failure instanceof RequestFailed);
    const { durationMs: _, failure: __, ...tried } = first;
    assert.deepEqual(tried, { ...request(), answer: null });
    assert.equal(first.failure.sent, true);
    assert.deepEqual([second?.answer, second?.failure, more], [answer, null, []]);
  });
});

test('a client that is destroyed ends what is under way', async () => {
  const reached = Promise.withResolvers<void>();
  const peer = await startPeer(() => reached.resolve());
  const client = createHttpClient({ https: null, exceptions: null });
  const sending = client.send({ method: 'GET', url: peer.url, headers: {}, timeoutMs: 30_000 });
  const ended = assert.rejects(sending, { name: 'RequestFailed', code: 'UND_ERR_DESTROYED' });
  await reached.promise;
  await client.destroy();
  await ended;
  await peer.close();
});
