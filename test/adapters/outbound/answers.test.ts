import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createHttpClient, RequestFailed } from '../../../src/adapters/outbound/http-client.ts';
import { isJsonObject, parseJson } from '../../../src/adapters/outbound/json.ts';
import { storable } from '../../../src/adapters/outbound/storable.ts';
import { type Peer, startClient, startPeer, startRawPeer } from './peer.ts';

type Answer = Parameters<typeof startPeer>[0];

describe('a request and its answer', () => {
  let peer: Peer;
  let answer: Answer;
  const client = startClient({ maxAnswerBytes: 1000 });
  before(async () => {
    peer = await startPeer((request, response) => answer(request, response));
  });
  after(() => peer?.close());
  after(() => client.close());
  const url = (path = '/') => `http://localhost:${peer.port}${path}`;
  const failsWith = (sending: Promise<unknown>, sent: boolean, code: string | RegExp) =>
    assert.rejects(sending, (error) => {
      assert.ok(error instanceof RequestFailed);
      assert.equal(error.name, 'RequestFailed');
      assert.equal(error.sent, sent);
      assert.match(error.code, code instanceof RegExp ? code : new RegExp(`^${code}$`));
      const when = sent ? 'after the request was sent' : 'before anything was sent';
      assert.equal(error.message, `${error.code} ${when}`);
      assert.ok(error.cause instanceof Error, 'it says what failed, for whoever looks');
      return true;
    });

  const allowedAct: typeof client.act = (request) =>
    client.act({ beforeWriting: async () => {}, ...request });

  test('method, path, headers and body arrive as they are', async () => {
    const seen: unknown[] = [];
    answer = (request, response) => {
      request.on('data', (chunk) => seen.push(String(chunk)));
      request.on('end', () => {
        seen.push(request.method, request.url, request.headers['x-ours']);
        response.end();
      });
    };
    await client.send({
      url: url('/a/b?c=d'),
      method: 'POST',
      body: 'the body',
      headers: { 'x-ours': 'yes' },
    });
    assert.deepEqual(seen, ['the body', 'POST', '/a/b?c=d', 'yes']);
    seen.length = 0;
    await client.send({ url: `http://localhost:${peer.port}`, headers: {} });
    assert.deepEqual(seen, ['GET', '/', undefined]);
  });

  test('the answer’s status, headers and text are given, whatever the status', async () => {
    for (const status of [200, 204, 302, 404, 503]) {
      answer = (_request, response) => {
        response.writeHead(status, { 'X-Theirs': 'yes', location: url('/elsewhere') });
        response.end(status === 204 ? undefined : 'text');
      };
      const given = await client.send({ url: url() });
      assert.deepEqual([given.status, given.headers['x-theirs']], [status, 'yes']);
      assert.equal(given.text, status === 204 ? '' : 'text');
    }
  });

  test('a header that came more than once is joined', async () => {
    answer = (_request, response) => {
      response.writeHead(429, ['Retry-After', '0', 'retry-after', '120', 'x-one', '1']).end();
    };
    const { headers } = await client.send({ url: url() });
    assert.deepEqual([headers['retry-after'], headers['x-one']], ['0, 120', '1']);
  });

  test('text that comes in pieces, cut within a character, is whole', async () => {
    const bytes = Buffer.from('né');
    answer = (_request, response) => {
      response.write(bytes.subarray(0, 2));
      setImmediate(() => response.end(bytes.subarray(2)));
    };
    assert.equal((await client.send({ url: url() })).text, 'né');
  });

  test('an answer may have as many bytes as the bound, and no more', async () => {
    const ways = [client.send, client.act, allowedAct];
    for (const send of ways) {
      answer = (_request, response) => response.end('x'.repeat(1000));
      assert.equal((await send({ url: url() })).text.length, 1000);
      answer = (_request, response) => response.end('x'.repeat(1001));
      await failsWith(send({ url: url() }), true, 'UND_ERR_RES_EXCEEDED_MAX_SIZE');
    }
  });

  test('a mebibyte is the usual bound', async () => {
    const usual = createHttpClient({ https: null, exceptions: null });
    const ask = () => usual.send({ method: 'GET', url: url(), headers: {}, timeoutMs: 30_000 });
    answer = (_request, response) => response.end('x'.repeat(1024 * 1024));
    assert.equal((await ask()).text.length, 1024 * 1024);
    answer = (_request, response) => response.end('x'.repeat(1024 * 1024 + 1));
    await failsWith(ask(), true, 'UND_ERR_RES_EXCEEDED_MAX_SIZE');
    await usual.close();
  });

  test('an answer that breaks off is none', async () => {
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => request.socket.destroy());
    };
    await failsWith(client.act({ url: url() }), true, 'UND_ERR_SOCKET');
  });

  test('what is no HTTP is none', async () => {
    const raw = await startRawPeer((socket) => socket.once('data', () => socket.end('nonsense\r\n\r\n')));
    try {
      await failsWith(client.act({ url: raw.url }), true, /^(HPE_\w+|HTTPParserError)$/);
    } finally {
      await raw.close();
    }
  });

  test('nobody there: nothing was sent', async () => {
    const beforeWriting = () => assert.fail('asked without a connection');
    for (const send of [client.send, client.act]) {
      await failsWith(send({ url: 'http://localhost:1/', beforeWriting }), false, 'ECONNREFUSED');
    }
  });

  test('nor is anything once the client is closed', async () => {
    const closed = startClient();
    await closed.close();
    await failsWith(closed.send({ url: url() }), false, 'UND_ERR_DESTROYED|UND_ERR_CLOSED');
  });

  test('closing waits for what is under way', async () => {
    const closing = startClient();
    const arrived = Promise.withResolvers<void>();
    const letGo = Promise.withResolvers<void>();
    answer = async (_request, response) => {
      arrived.resolve();
      await letGo.promise;
      response.end('late');
    };
    const sending = closing.send({ url: url() });
    await arrived.promise;
    const closed = closing.close();
    letGo.resolve();
    assert.equal((await sending).text, 'late');
    await closed;
  });
});

describe('text from outside', () => {
  test('is JSON or undefined', () => {
    assert.deepEqual([parseJson('{"a":1}'), parseJson('null'), parseJson('{')], [{ a: 1 }, null, undefined]);
  });

  test('is a JSON object, or something else', () => {
    for (const value of [{}, { a: 1 }]) assert.equal(isJsonObject(value), true);
    for (const value of [null, undefined, [], 'x', 1, true]) assert.equal(isJsonObject(value), false);
  });

  test('is kept as the database can hold it', () => {
    assert.equal(storable('a\0b\0\ud800c\udc00'), 'a\ufffdb\ufffd\ufffdc\ufffd');
    assert.equal(storable('é😀'), 'é😀');
  });
});
