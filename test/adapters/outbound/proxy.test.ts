import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import tls from 'node:tls';
import { makeTls } from '../../../simulator/certificates.ts';
import { createHttpClient, RequestFailed } from '../../../src/adapters/outbound/http-client.ts';
import { startProxy } from '../../support/connect-proxy.ts';
import { until } from '../../support/processes.ts';
import { startRawPeer } from './peer.ts';

const nowhere = 'http://localhost:1';
const variables = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'];

describe('which way a request goes', () => {
  let server: https.Server;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let url: string;
  before(async () => {
    const { caPem, certPem, keyPem } = await makeTls();
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), caPem]);
    server = https.createServer({ cert: certPem, key: keyPem }, (_request, response) => response.end('{}'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `https://localhost:${(server.address() as AddressInfo).port}`;
    proxy = await startProxy();
  });
  after(async () => {
    await proxy?.close();
    server?.closeAllConnections();
    server?.close();
  });
  const kept = new Map(variables.map((name) => [name, process.env[name]]));
  beforeEach(() => {
    proxy.connects.length = 0;
  });
  afterEach(() => {
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const statusOf = async (settings: { https: string | null; exceptions: string | null }, address = url) => {
    const client = createHttpClient(settings);
    try {
      return (await client.send({ method: 'GET', url: address, headers: {}, timeoutMs: 10_000 })).status;
    } finally {
      await client.close();
    }
  };

  test('an address without a path is one with the path /', async () => {
    assert.equal(await statusOf({ https: null, exceptions: null }), 200);
    assert.equal(await statusOf({ https: null, exceptions: null }, `${url}/?a`), 200);
  });

  test('the settings say it, and no variable that they do not name', async () => {
    for (const name of variables)
      process.env[name] = name.toLowerCase() === 'no_proxy' ? 'localhost' : nowhere;
    assert.equal(await statusOf({ https: proxy.url, exceptions: null }), 200);
    assert.equal(proxy.connects.length, 1);
    for (const name of ['no_proxy', 'NO_PROXY']) delete process.env[name];
    assert.equal(await statusOf({ https: null, exceptions: null }), 200);
    assert.equal(proxy.connects.length, 1);
  });

  test('plain HTTP goes through no proxy, whatever the environment says', async () => {
    process.env.HTTP_PROXY = nowhere;
    process.env.http_proxy = nowhere;
    const plain = await startRawPeer((socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
    try {
      assert.equal(await statusOf({ https: proxy.url, exceptions: null }, plain.url), 204);
    } finally {
      await plain.close();
    }
  });

  test('a proxy that refuses is certain to have sent nothing', async () => {
    proxy.state.refusing = true;
    try {
      await assert.rejects(
        statusOf({ https: proxy.url, exceptions: null }),
        (error) => error instanceof RequestFailed && !error.sent,
      );
    } finally {
      proxy.state.refusing = false;
    }
  });
});

describe('a proxy over TLS', () => {
  test('is never offered HTTP/2', async () => {
    const { caPem, certPem, keyPem } = await makeTls();
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), caPem]);
    const offered: string[][] = [];
    const sockets: Socket[] = [];
    const server = tls.createServer({
      cert: certPem,
      key: keyPem,
      ALPNCallback: ({ protocols }) => {
        offered.push(protocols);
        return protocols[0];
      },
    });
    server.on('secureConnection', (socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.once('data', () => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const https = `https://localhost:${(server.address() as AddressInfo).port}`;
    const client = createHttpClient({ https, exceptions: null });
    try {
      for (const ownConnection of [false, true]) {
        const request = {
          method: 'GET',
          url: 'https://graph.example/',
          headers: {},
          timeoutMs: 10_000,
        } as const;
        await assert.rejects(client.send({ ...request, ownConnection }), RequestFailed);
      }
    } finally {
      await client.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    }
    assert.deepEqual(offered, [['http/1.1'], ['http/1.1']]);
  });

  test('that is slow to shake hands with one request does not hold up the next', async () => {
    const proxy = await startRawPeer();
    const https = `https://localhost:${proxy.port}`;
    const limits = { connectTimeoutMs: 10_000, maxAnswerBytes: 1000 };
    const client = createHttpClient({ https, exceptions: null }, limits);
    const request = { method: 'GET', url: 'https://graph.example/', headers: {}, timeoutMs: 10_000 } as const;
    const sendings = [client.send(request), client.send(request)].map((sending) => sending.catch(() => {}));
    await until('both have begun', () => proxy.sockets.length === 2);
    await proxy.close();
    await Promise.all(sendings);
    await client.close();
  });
});
