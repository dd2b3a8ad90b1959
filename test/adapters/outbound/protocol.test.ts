import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import tls from 'node:tls';
import { makeTls } from '../../../simulator/certificates.ts';
import { createHttpClient } from '../../../src/adapters/outbound/http-client.ts';
import { startProxy } from '../../support/connect-proxy.ts';

/** A peer that takes HTTP/2 wherever it is offered, as Graph and Entra ID may, and tells of each request
 *  in which version it came and over which connection. */
async function startPeer() {
  const { caPem, certPem, keyPem } = await makeTls();
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), caPem]);
  const seen: { version: string; connection: number }[] = [];
  const offered: string[][] = [];
  const connections = new Set<Socket>();
  const server = createSecureServer(
    {
      cert: certPem,
      key: keyPem,
      allowHTTP1: true,
      ALPNCallback: ({ protocols }) => {
        offered.push(protocols);
        return protocols.includes('h2') ? 'h2' : 'http/1.1';
      },
    },
    ({ httpVersion, socket, stream }, response) => {
      const { remotePort } = httpVersion === '2.0' ? (stream.session?.socket ?? socket) : socket;
      seen.push({ version: httpVersion, connection: remotePort ?? 0 });
      response.end('{}');
    },
  );
  server.on('connection', (socket: Socket) => connections.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const socket of connections) socket.destroy();
    server.close();
  };
  return { url: `https://localhost:${(server.address() as AddressInfo).port}/`, seen, offered, close };
}

// In HTTP/2 requests share a connection, and a client may send one again by itself when a connection ends
// (RFC 9113 6.8): the act would be neither alone nor certain to be sent once.
describe('a peer that prefers HTTP/2', () => {
  let peer: Awaited<ReturnType<typeof startPeer>>;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  before(async () => {
    [peer, proxy] = await Promise.all([startPeer(), startProxy()]);
  });
  after(async () => {
    await proxy?.close();
    peer?.close();
  });
  beforeEach(() => {
    peer.seen.length = 0;
    peer.offered.length = 0;
    proxy.connects.length = 0;
  });

  const ways = [
    { way: 'directly', proxied: false, exceptions: null },
    { way: 'through a proxy', proxied: true, exceptions: null },
    { way: 'past a proxy', proxied: true, exceptions: 'localhost' },
  ];
  for (const { way, proxied, exceptions } of ways) {
    const client = () => createHttpClient({ https: proxied ? proxy.url : null, exceptions });

    test(`${way}, is never offered it`, async () => {
      const http = client();
      try {
        for (const ownConnection of [false, true]) {
          await http.send({ method: 'GET', url: peer.url, headers: {}, timeoutMs: 5000, ownConnection });
        }
      } finally {
        await http.close();
      }
      assert.deepEqual(
        peer.seen.map(({ version }) => version),
        ['1.1', '1.1'],
      );
      assert.deepEqual(peer.offered, [['http/1.1'], ['http/1.1']]);
    });

    test(`${way}, gets each of many acts on a connection of its own`, async () => {
      const http = client();
      try {
        // One after another: a connection that was kept would be used again.
        for (let count = 0; count < 8; count += 1) {
          await http.send({
            method: 'POST',
            url: peer.url,
            headers: {},
            timeoutMs: 5000,
            ownConnection: true,
          });
        }
      } finally {
        await http.close();
      }
      assert.equal(proxy.connects.length, proxied && exceptions === null ? 8 : 0);
      assert.equal(peer.seen.length, 8);
      assert.equal(new Set(peer.seen.map(({ connection }) => connection)).size, 8);
    });
  }
});
