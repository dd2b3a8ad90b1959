import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import { InFlight } from './in-flight.ts';
import { TlsFiles, type TlsFilesOptions } from './tls-files.ts';

export type ServersOptions = {
  readonly api: Express;
  readonly management: Express;
  /** 0 takes any free port. */
  readonly port: number;
  readonly managementPort: number;
  /** With these the API port speaks TLS. */
  readonly tls: TlsFilesOptions | null;
  /** How long to keep serving after `close` is called, in milliseconds: endpoints and gateways need a
   *  moment to forget us. */
  readonly drainMs: number;
  /** How long in-flight calls may take to finish after that. */
  readonly shutdownMs: number;
};

export type Servers = {
  start(): Promise<{ port: number; managementPort: number }>;
  /** Requests of the API that are not over. */
  inFlight(): number;
  /** Drains the API: keeps serving for a while, but closes each connection after its answer; then stops
   *  listening and waits for what is in flight. Safe to call twice. Gives how many calls it had to leave
   *  unfinished when the time was up. */
  drain(): Promise<number>;
  /** Closes the management port. */
  close(): Promise<void>;
};

// Longer than gateways keep an idle connection before they reuse it (60 s is usual): whoever closes first
// must be them, or a call is lost on a connection that we are just closing.
const keepAliveTimeoutMs = 75_000;
// A request must have arrived within this; Node's own 431 and 408 answer what is too big or too slow.
const requestTimeoutMs = 15_000;
// Node looks for late ones only every 30 s unless told otherwise.
const connectionsCheckingInterval = 2000;
// When we stop listening, a request that is on its way has this long to arrive.
const arrivalMs = 1000;

/** The two listening ports. */
export function createServers(options: ServersOptions): Servers {
  const tlsFiles = options.tls === null ? null : new TlsFiles(options.tls);
  const inFlight = new InFlight();
  const secure =
    tlsFiles === null ? null : https.createServer({ ...tlsFiles.load(), connectionsCheckingInterval });
  const api = secure ?? http.createServer({ connectionsCheckingInterval });
  api.on('request', inFlight.listener);
  api.on('request', options.api);
  const sockets = followSockets(api);
  const management = http.createServer(options.management);
  for (const server of [api, management]) {
    server.requestTimeout = requestTimeoutMs;
    server.keepAliveTimeout = keepAliveTimeoutMs;
  }
  let draining: Promise<number> | null = null;

  async function drain(): Promise<number> {
    if (!api.listening) return 0;
    inFlight.closeConnections();
    await sleep(options.drainMs);
    // Closes keep-alive connections that idle.
    const closed = new Promise<void>((resolve) => api.close(() => resolve()));
    const patience = Promise.withResolvers<void>();
    const timers = [
      setTimeout(patience.resolve, options.shutdownMs),
      // Without a request a connection is nobody's call. Node would wait a minute for one that never comes.
      setTimeout(() => destroyUnused(sockets, inFlight.sockets()), Math.min(arrivalMs, options.shutdownMs)),
    ];
    await Promise.race([Promise.all([closed, inFlight.settled()]), patience.promise]);
    for (const timer of timers) clearTimeout(timer);
    const unfinished = inFlight.size;
    api.closeAllConnections();
    await closed;
    tlsFiles?.close();
    return unfinished;
  }

  return {
    async start() {
      await listen(management, options.managementPort, 'MANAGEMENT_PORT');
      await listen(api, options.port, 'PORT');
      if (secure !== null) tlsFiles?.follow(secure);
      return { port: portOf(api), managementPort: portOf(management) };
    },
    inFlight: () => inFlight.size,
    drain() {
      draining ??= drain();
      return draining;
    },
    async close() {
      if (!management.listening) return;
      const closed = new Promise<void>((resolve) => management.close(() => resolve()));
      management.closeAllConnections();
      await closed;
    },
  };
}

/** The server's connections. */
function followSockets(server: http.Server): Set<Socket> {
  const sockets = new Set<Socket>();
  const event = server instanceof https.Server ? 'secureConnection' : 'connection';
  server.on(event, (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

function destroyUnused(sockets: Set<Socket>, used: Set<Socket>): void {
  for (const socket of sockets) {
    if (!used.has(socket)) socket.destroy();
  }
}

async function listen(server: http.Server, port: number, variable: string): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(port, () => listening.resolve());
  try {
    await listening.promise;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new PortTaken(`Port ${port} is taken: set ${variable} to another one.`);
    }
    throw error;
  }
}

/** A port we were told to listen on belongs to another process. */
class PortTaken extends Error {}

function portOf(server: http.Server): number {
  return (server.address() as AddressInfo).port;
}
