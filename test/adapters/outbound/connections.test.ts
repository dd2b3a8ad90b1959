import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type OutboundRequest, RequestFailed } from '../../../src/adapters/outbound/http-client.ts';
import { until } from '../../support/processes.ts';
import { type Peer, startClient, startPeer } from './peer.ts';

type Asked = { readonly connection: number; readonly first: boolean };
/** What becomes of a request. */
type Meet = (request: IncomingMessage, response: ServerResponse, asked: Asked) => void;

const answer: Meet = (_request, response) => response.end('{}');

describe('connections to a peer that keeps them', () => {
  let peer: Peer;
  let client: ReturnType<typeof startClient>;
  let meet: Meet;
  let asked: Asked[];
  before(async () => {
    peer = await startPeer((request, response) => {
      const connection = peer.sockets.indexOf(request.socket);
      const first = !asked.some((earlier) => earlier.connection === connection);
      asked.push({ connection, first });
      meet(request, response, { connection, first });
    });
  });
  after(() => peer?.close());
  beforeEach(() => {
    client = startClient();
    meet = answer;
    asked = [];
  });
  afterEach(() => client.close());

  const connections = () => asked.map(({ connection }) => connection);
  const different = () => new Set(connections()).size;

  /** A read, after which the pool has its connection back. */
  const read = async () => {
    await client.send({ url: peer.url });
    await nextTurn();
  };

  test('reads that follow each other share one', async () => {
    for (let count = 0; count < 3; count += 1) await read();
    assert.deepEqual([asked.length, different()], [3, 1]);
  });

  test('acts that follow each other, among reads, have one each, which ends with them', async () => {
    for (let count = 0; count < 3; count += 1) {
      await read();
      await client.act({ url: peer.url });
    }
    const [readFirst, first, readAgain, second, readLast, third] = connections();
    assert.deepEqual([readAgain, readLast], [readFirst, readFirst]);
    assert.equal(new Set([readFirst, first, second, third]).size, 4);
    await until('the acts’ connections are closed', () => peer.open() === 1);
  });

  test('an act that may not be sent leaves no connection to the next one', async () => {
    const refusal = new Error('it may not be sent');
    const before = peer.sockets.length;
    await assert.rejects(
      client.act({ url: peer.url, beforeWriting: () => Promise.reject(refusal) }),
      refusal,
    );
    await client.act({ url: peer.url });
    await until('both were taken', () => peer.sockets.length === before + 2);
    assert.deepEqual(connections(), [before + 1]);
    await until('both are closed', () => peer.sockets.slice(before).every((socket) => socket.destroyed));
  });

  // A server that ends a connection it kept may do so while the next request is on its way.
  const closings: [string, Meet][] = [
    ['closed', (request) => request.socket.end()],
    ['reset', (request) => request.socket.resetAndDestroy()],
  ];
  for (const [how, close] of closings) {
    describe(`of which a kept one is ${how} under a request`, () => {
      beforeEach(async () => {
        await read();
        meet = (request, response, which) => (which.first ? answer : close)(request, response, which);
      });

      for (const method of ['GET', 'POST'] as const) {
        test(`a ${method} that changes nothing is sent once more, on a new one`, async () => {
          const { status } = await client.send({ url: peer.url, method, repeatable: true });
          assert.deepEqual([status, asked.length, different()], [200, 3, 2]);
        });
      }

      test('the second try has what is left of the time', async () => {
        let timeouts = 0;
        meet = (request, response, which) => {
          if (!which.first) close(request, response, which);
          else timeouts += 1;
        };
        const begun = performance.now();
        const sending = client.send({ url: peer.url, timeoutMs: 500, repeatable: true });
        await assert.rejects(sending, (error) => error instanceof RequestFailed && error.code === 'TIMEOUT');
        assert.equal(timeouts, 1);
        assert.ok(performance.now() - begun < 10_000);
      });

      test('a second try for which no time is left is none', async ({ mock }) => {
        const now = performance.now.bind(performance);
        let passedMs = 0;
        mock.method(performance, 'now', () => now() + passedMs);
        meet = (request, response, which) => {
          if (which.first) return answer(request, response, which);
          passedMs = 60_000;
          close(request, response, which);
        };
        const sending = client.send({ url: peer.url, timeoutMs: 60_000, repeatable: true });
        await assert.rejects(sending, (error) => error instanceof RequestFailed && error.code === 'TIMEOUT');
        assert.equal(asked.length, 2);
      });

      test('what may change something is not', async () => {
        const sending = client.send({ url: peer.url, method: 'POST' });
        await assert.rejects(sending, (error) => error instanceof RequestFailed && error.sent);
        assert.equal(asked.length, 2);
      });

      test('an act never meets it', async () => {
        assert.equal((await client.act({ url: peer.url })).status, 200);
      });
    });
  }

  const notAgain: [string, Meet, Partial<OutboundRequest>][] = [
    [
      'an act, whatever is said of it',
      (request) => request.socket.end(),
      { method: 'POST', ownConnection: true },
    ],
    [
      'an answer that had begun',
      (request, response) => {
        response.writeHead(200, { 'content-length': 10 });
        response.flushHeaders();
        response.write('half', () => request.socket.destroy());
      },
      {},
    ],
    ['silence', () => {}, { timeoutMs: 200 }],
    ['an answer that is none', (request) => request.socket.end('nonsense\r\n\r\n'), {}],
  ];
  for (const [what, meeting, request] of notAgain) {
    test(`${what} is not repeated`, async () => {
      await read();
      meet = meeting;
      await assert.rejects(
        client.send({ url: peer.url, repeatable: true, ...request }),
        (error) => error instanceof RequestFailed && error.sent,
      );
      assert.equal(asked.length, 2);
    });
  }

  test('a new connection that is closed is the peer’s answer', async () => {
    meet = (request) => request.socket.end();
    const sending = client.send({ url: peer.url, repeatable: true });
    await assert.rejects(sending, (error) => error instanceof RequestFailed && error.sent);
    assert.equal(asked.length, 1);
  });

  test('so is one that is made where a kept one had been', async () => {
    await read();
    for (const socket of peer.sockets) socket.destroy();
    await until('the client has noticed', () => peer.open() === 0);
    await nextTurn();
    meet = (request) => request.socket.end();
    const sending = client.send({ url: peer.url, repeatable: true });
    await assert.rejects(sending, (error) => error instanceof RequestFailed && error.sent);
    assert.equal(asked.length, 2);
  });

  test('a peer that closes the second one too is not asked a third time', async () => {
    await read();
    meet = (request) => request.socket.end();
    const sending = client.send({ url: peer.url, repeatable: true });
    await assert.rejects(sending, (error) => error instanceof RequestFailed && error.sent);
    assert.equal(asked.length, 3);
  });
});
