import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { makeTls } from '../../../simulator/certificates.ts';
import { createHttpClient, RequestFailed } from '../../../src/adapters/outbound/http-client.ts';
import { until } from '../../support/processes.ts';
import { type Peer, startClient, startPeer, startRawPeer } from './peer.ts';

/** Long before the bounds that are not meant, on a busy machine too; in milliseconds. */
const soon = 10_000;
/** Time enough to connect, on a busy machine too. */
const short = 1000;

/** Fails in time, as it should. */
async function assertFails(sending: Promise<unknown>, expected: { sent: boolean; code: string | RegExp }) {
  const begun = performance.now();
  await assert.rejects(sending, (error) => {
    assert.ok(error instanceof RequestFailed);
    assert.equal(error.sent, expected.sent);
    if (typeof expected.code === 'string') assert.equal(error.code, expected.code);
    else assert.match(error.code, expected.code);
    return true;
  });
  assert.ok(performance.now() - begun < soon, 'it ended in time');
}

/** Talks on, a byte at a time, and never comes to an end. */
function trickle(socket: Socket, text: string): void {
  let next = 0;
  const timer = setInterval(() => {
    socket.write(text[next] ?? 'a');
    next += 1;
  }, 20);
  socket.on('close', () => clearInterval(timer));
}

// Each holds up a request at another step. Those of a proxy never answer, or never come to an end.
const steps: {
  name: string;
  talk: (socket: Socket) => void;
  scheme?: string;
  proxy?: boolean;
  sent: boolean;
}[] = [
  { name: 'a peer that is silent in the handshake', scheme: 'https', talk: () => {}, sent: false },
  { name: 'a peer that is silent', talk: () => {}, sent: true },
  {
    name: 'a peer that trickles the head of its answer',
    talk: (socket) => trickle(socket, 'HTTP/1.1 200 OK\r\nx: '),
    sent: true,
  },
  {
    name: 'a peer that trickles its answer',
    talk: (socket) => trickle(socket, 'HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n'),
    sent: true,
  },
  { name: 'a proxy that is silent', proxy: true, talk: () => {}, sent: false },
  {
    name: 'a proxy that is silent in the handshake',
    scheme: 'https',
    proxy: true,
    talk: () => {},
    sent: false,
  },
  {
    name: 'a proxy that trickles its answer to CONNECT',
    proxy: true,
    talk: (socket) => trickle(socket, 'HTTP/1.1 200 OK\r\nx: '),
    sent: false,
  },
  {
    name: 'a proxy beyond which nobody shakes hands',
    proxy: true,
    talk: (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'),
    sent: false,
  },
];

// Each mostly waits, so they wait together.
describe('held up by', { concurrency: true }, () => {
  for (const { name, talk, scheme = 'http', proxy, sent } of steps) {
    describe(name, { concurrency: false }, () => {
      let peer: Peer;
      before(async () => {
        peer = await startRawPeer((socket) => {
          if (scheme === 'http') socket.once('data', () => talk(socket));
        });
      });
      after(() => peer?.close());

      const clientWith = (connectTimeoutMs: number) =>
        startClient(proxy ? { proxy: address(), connectTimeoutMs } : { connectTimeoutMs });
      const address = () => `${scheme}://localhost:${peer.port}/`;
      const url = () => (proxy ? 'https://localhost:1/' : address());

      for (const ownConnection of [false, true]) {
        const kind = ownConnection ? 'an act' : 'a read';

        test(`${kind} ends when its time is up`, async () => {
          const client = clientWith(10 * soon);
          const sending = client.send({ url: url(), ownConnection, timeoutMs: short });
          await assertFails(sending, { sent, code: 'TIMEOUT' });
          // What is not yet a connection is left to the time for connecting.
          if (sent) await until('the connection is closed', () => peer.open() === 0);
          else {
            await until('it has begun to connect', () => peer.open() > 0);
            for (const socket of peer.sockets) socket.destroy();
          }
          await client.close();
        });

        if (!sent) {
          test(`${kind} ends when the time for connecting is up, however much it has itself`, async () => {
            const client = clientWith(short);
            const sending = client.send({ url: url(), ownConnection });
            await assertFails(sending, { sent: false, code: /^UND_ERR_(CONNECT|HEADERS)_TIMEOUT$/ });
            await until('the connection is closed', () => peer.open() === 0);
            await client.close();
          });
        }
      }
    });
  }
});

// One that the service makes for itself: for these, undici's own bounds would be longer.
test('connecting takes five seconds at most, where nothing else is said', async () => {
  const peer = await startRawPeer();
  const client = createHttpClient({ https: null, exceptions: null });
  const url = `https://localhost:${peer.port}/`;
  await assertFails(client.send({ method: 'GET', url, headers: {}, timeoutMs: 9000 }), {
    sent: false,
    code: 'UND_ERR_CONNECT_TIMEOUT',
  });
  await client.close();
  await peer.close();
});

describe('a request without time', () => {
  let peer: Peer;
  const client = startClient();
  before(async () => {
    peer = await startPeer((_request, response) => response.end('{}'));
  });
  after(async () => {
    await client.close();
    await peer?.close();
  });

  for (const timeoutMs of [0, -1]) {
    test(`of ${timeoutMs} ms is not begun`, async () => {
      const before = peer.sockets.length;
      for (const send of [client.send, client.act]) {
        await assertFails(send({ url: peer.url, timeoutMs }), { sent: false, code: 'TIMEOUT' });
      }
      // Whatever had been begun would be there before this one.
      await client.act({ url: peer.url });
      assert.equal(peer.sockets.length, before + 1);
    });
  }
});

describe('a request whose time is up while it waits for a connection', () => {
  test('is not sent when that stands after all', async () => {
    const hold = Promise.withResolvers<Socket>();
    const proxy = await startRawPeer((socket) => socket.once('data', () => hold.resolve(socket)));
    const client = startClient({ proxy: proxy.url });
    await assertFails(client.send({ url: 'https://localhost:1/', timeoutMs: short }), {
      sent: false,
      code: 'TIMEOUT',
    });
    const socket = await hold.promise;
    socket.write('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n');
    await once(socket, 'close');
    await client.close();
    await proxy.close();
  });

  test('is not sent when the peer shakes hands after all', async () => {
    const { caPem, certPem, keyPem } = await makeTls();
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), caPem]);
    const paths: (string | undefined)[] = [];
    const server = https.createServer({ cert: certPem, key: keyPem }, ({ url }, response) => {
      paths.push(url);
      response.end('{}');
    });
    const held: Socket[] = [];
    const door = net.createServer({ pauseOnConnect: true }, (socket) => held.push(socket));
    door.listen(0, 'localhost');
    await once(door, 'listening');
    const client = startClient();
    const url = `https://localhost:${(door.address() as AddressInfo).port}`;
    try {
      const givenUp = client.send({ url: `${url}/late`, timeoutMs: short });
      await assertFails(givenUp, { sent: false, code: 'TIMEOUT' });
      const letIn = (socket: Socket) => server.emit('connection', socket);
      door.on('connection', letIn);
      const [late] = held;
      assert.ok(late);
      const met = Promise.race([once(server, 'secureConnection'), once(late, 'close')]);
      letIn(late);
      await met;
      // Whatever was sent would be there before this one.
      await client.send({ url: `${url}/next` });
      assert.deepEqual(paths, ['/next']);
    } finally {
      await client.close();
      for (const socket of held) socket.destroy();
      door.close();
    }
  });
});
