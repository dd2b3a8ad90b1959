import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { SimulatorTls } from './certificates.ts';
import { type Received, type Reply, textReply } from './reply.ts';

export type Handler = (request: Received) => Promise<Reply | 'reset' | 'hang'>;
export type Listening = { port: number; close: () => Promise<void> };

const bodyLimit = 1024 * 1024;
// Longer than any pause in a test, so that a kept connection is not closed while a caller uses it.
const keepAliveTimeout = 65_000;

/** Serves the handler, over TLS when given a certificate. Closing destroys every socket, whatever it is
 *  waiting for. */
export async function listen(
  handler: () => Handler,
  { tls, ...address }: { port: number; host: string; tls?: SimulatorTls },
): Promise<Listening> {
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    void respond(handler(), request, response);
  };
  const server = tls
    ? createTlsServer({ cert: tls.certPem, key: tls.keyPem, keepAliveTimeout }, onRequest)
    : createServer({ keepAliveTimeout }, onRequest);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await started(server, address);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function started(server: Server, address: { port: number; host: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function respond(handler: Handler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let reply: Reply | 'reset' | 'hang';
  try {
    reply = await handler(await receive(request));
  } catch (error) {
    // The caller went away, or a test's listener threw: either way the connection may still want an answer.
    reply = textReply(
      500,
      `The simulator failed: ${error instanceof Error ? error.message : String(error)}\n`,
    );
  }
  if (reply === 'hang') return;
  if (reply === 'reset') {
    request.socket.destroy();
    return;
  }
  if (response.destroyed) return;
  response.writeHead(reply.status, {
    ...reply.headers,
    'content-length': Buffer.byteLength(reply.body),
  });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

async function receive(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) throw new Error(`a request body may have ${bodyLimit} bytes at most`);
    chunks.push(chunk);
  }
  const target = request.url ?? '/';
  const [path = '/', search = ''] = target.split('?', 2);
  return {
    method: request.method ?? 'GET',
    path,
    query: new URLSearchParams(search),
    target,
    headers: Object.fromEntries(
      Object.entries(request.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')]),
    ),
    rawHeaders: request.rawHeaders,
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
