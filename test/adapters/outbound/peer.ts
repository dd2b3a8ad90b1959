import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { createHttpClient, type OutboundRequest } from '../../../src/adapters/outbound/http-client.ts';

/** The whole time for a request that is not about time. */
const ample = 30_000;

export type Peer = Awaited<ReturnType<typeof startPeer>>;

/** A server whose every connection is known. It keeps idle connections longer than any test lasts. */
export async function startPeer(answer: http.RequestListener) {
  const server = http.createServer({ keepAliveTimeout: 600_000 }, answer);
  return listening(server);
}

/** A server that knows no protocol. */
export async function startRawPeer(talk: (socket: Socket) => void = () => {}) {
  return listening(net.createServer(talk));
}

async function listening(server: net.Server) {
  const sockets: Socket[] = [];
  let bytes = 0;
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => (bytes += chunk.length));
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://localhost:${port}/`,
    sockets,
    /** How many bytes have come in. */
    received: () => bytes,
    open: () => sockets.filter((socket) => !socket.destroyed).length,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A client, and requests with it whose particulars do not matter. */
export function startClient(
  options: { proxy?: string; connectTimeoutMs?: number; maxAnswerBytes?: number } = {},
) {
  const { proxy = null, connectTimeoutMs = ample, maxAnswerBytes = 1024 * 1024 } = options;
  const client = createHttpClient({ https: proxy, exceptions: null }, { connectTimeoutMs, maxAnswerBytes });
  const send = (request: Partial<OutboundRequest> & { url: string }) =>
    client.send({ method: 'GET', headers: {}, timeoutMs: ample, ...request });
  return {
    send,
    /** As an act is sent. */
    act: (request: Partial<OutboundRequest> & { url: string }) =>
      send({ method: 'POST', ownConnection: true, ...request }),
    close: () => client.close(),
  };
}
