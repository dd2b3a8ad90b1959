import assert from 'node:assert/strict';
import { once } from 'node:events';
import type net from 'node:net';
import { after, beforeEach, describe, test } from 'node:test';
import tls from 'node:tls';
import type { SimulatorTls } from '../../simulator/certificates.ts';
import { until } from '../support/processes.ts';
import { scene } from '../support/scene.ts';

const answer = (status: string, body: string, headers = '') =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
const list = (status: string) =>
  answer('200 OK', JSON.stringify({ value: [{ id: 'c', onboardingStatus: status }] }));
const ok = answer('200 OK', '{"value":"inprogress"}');

/** What Graph puts on the wire for the act; `null` closes the connection. */
type Bytes = readonly (string | null)[];

describe('what Graph can put on the wire for an act', () => {
  let graph: tls.Server;
  let wire: { bytes: Bytes; acts: number; shows: string; showsThen?: string; sockets: net.Socket[] };
  const it = scene({
    environment: ({ simulator }) => startGraph(simulator.tls),
    timings: { graphTimeoutMs: 400 },
  });
  after(() => {
    for (const socket of wire.sockets) socket.destroy();
    graph?.close();
  });

  async function startGraph({ certPem, keyPem }: SimulatorTls) {
    graph = tls.createServer({ cert: certPem, key: keyPem }, (socket) => {
      wire.sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (data) => {
        if (String(data).startsWith('GET ')) socket.write(list(wire.shows));
        if (!String(data).startsWith('POST ')) return;
        wire.acts += 1;
        wire.shows = wire.showsThen ?? wire.shows;
        for (const bytes of wire.bytes) {
          if (bytes === null) socket.destroy();
          else socket.write(bytes);
        }
      });
    });
    graph.listen(0, 'localhost');
    await once(graph, 'listening');
    const { port } = graph.address() as net.AddressInfo;
    return { GRAPH_BASE_URL: `https://localhost:${port}/beta` };
  }
  beforeEach(() => {
    wire = { bytes: [], acts: 0, shows: 'onboarded', sockets: wire?.sockets ?? [] };
  });

  for (const [name, bytes] of [
    ['an answer, twice at once', [ok + ok]],
    ['an answer, twice in a row', [ok, ok]],
    ['an answer, and then another one', [ok, answer('500 Oops', '{}')]],
    ['hints first', [`HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n${ok}`]],
    ['an answer byte by byte', [...ok]],
    ['an answer, and then death', [ok, null]],
    ['an answer of HTTP/1.0', [ok.replace('1.1', '1.0')]],
  ] satisfies [string, Bytes][]) {
    test(`${name}: accepted, once, and the next calls hear their own answers`, async () => {
      wire.bytes = bytes;
      const response = await it.disconnect();
      assert.deepEqual([response.status, response.body.value], [200, 'inprogress']);
      assert.equal(wire.acts, 1);
      await until('the connection is read again', async () => {
        const { status, body } = await it.readConnection();
        // A read may fail, and must not lie.
        assert.ok([200, 503].includes(status));
        if (status === 200) assert.equal(body.value[0].onboardingStatus, 'onboarded');
        return status === 200;
      });
    });
  }

  for (const [name, bytes] of [
    ['half a status line', ['HTTP/1.1 20', null]],
    ['headers without an end', ['HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n', null]],
    ['half a body', [ok.slice(0, -5), null]],
    ['half a body, and then silence', [ok.slice(0, -5)]],
    [
      'a body longer than it says',
      [answer('200 OK', '{"value":"inprogress"}').replace('length: 22', 'length: 5')],
    ],
    ['two lengths', [answer('200 OK', '{"value":"inprogress"}', 'content-length: 3\r\n')]],
    ['chunks that are none', ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', null]],
    ['chunks without an end', ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"val\r\n', null]],
    ['another protocol', ['220 smtp.example ESMTP\r\n', null]],
    ['an upgrade', ['HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n']],
    ['headers of 100 kB', [`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`, null]],
    ['a body of 2 MB', [answer('200 OK', `{"value":"inprogress","x":"${'x'.repeat(2_000_000)}"}`)]],
    ['a value of another kind', [answer('200 OK', '{"value":["inprogress"]}')]],
    ['nothing, and death', [null]],
  ] satisfies [string, Bytes][]) {
    test(`${name}: unknown, sent once; and accepted where the connection shows it`, async () => {
      wire.bytes = bytes;
      const response = await it.disconnect();
      assert.deepEqual([response.status, response.body.code], [502, 'outcome_unknown']);
      assert.equal(wire.acts, 1);
      await it.testEnvironment.closeOperations();

      wire.showsThen = 'offboarding';
      const second = await it.disconnect();
      assert.equal(wire.acts, 2);
      assert.deepEqual([second.status, second.body.concludedFrom], [200, 'reading']);
    });
  }
});
