import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import { answerBrokenRequests, type BrokenRequest } from './broken-requests.ts';
import { InFlight } from './in-flight.ts';
import { TlsFiles, type TlsFilesOptions } from './tls-files.ts';

export type ServersOptions = {
  readonly api: Express;
  readonly management: Express;
  /** Returns the whole answer to bytes that are not a request, and reports it. */
  readonly answerBroken: Readonly<Record<'api' | 'management', (request: BrokenRequest) => string>>;
  /** The address to listen on; every one of the machine where it is `null`. */
  readonly host: string | null;
  /** 0 takes any free port. */
  readonly port: number;
  readonly managementPort: number;
  /** With these the API port speaks TLS. */
  readonly tls: TlsFilesOptions | null;
  /** Within which a request must have arrived whole, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** How long to keep serving after `close` is called, in milliseconds: endpoints and gateways need a
   *  moment to stop using us. */
  readonly drainMs: number;
  /** How long in-flight calls may take to finish after that. */
  readonly shutdownMs: number;
};

export type Servers = {
  start(): Promise<{ port: number; managementPort: number }>;
  /** Requests of the API that are not over. */
  inFlight(): number;
  /** Drains the API: keeps serving for a while, but closes each connection after its answer; then stops
   *  listening and waits for what is in flight. Safe to call twice. Returns how many calls it had to leave
   *  unfinished when the time was up. */
  drain(): Promise<number>;
  /** Closes the management port. */
  close(): Promise<void>;
};

// Longer than gateways keep an idle connection before they reuse it (60 s is usual): whoever closes first
// must be them, or a call is lost on a connection that we are just closing.
const keepAliveTimeoutMs = 75_000;
// How often to look for requests that are late; Node does so only every 30 s.
const lateCheckMs = 2000;
// When we stop listening, a request that is on its way has this long to arrive.
const arrivalMs = 1000;

/** The two listening ports. */
export function createServers(options: ServersOptions): Servers {
  const tlsFiles = options.tls === null ? null : new TlsFiles(options.tls);
  const inFlight = new InFlight();
  const { requestTimeoutMs } = options;
  const listenOptions = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(lateCheckMs, requestTimeoutMs),
    keepAliveTimeout: keepAliveTimeoutMs,
    // Looked at where an answer of ours can be given.
    requireHostHeader: false,
  };
  const secure = tlsFiles === null ? null : https.createServer({ ...tlsFiles.load(), ...listenOptions });
  const api = secure ?? http.createServer(listenOptions);
  const management = http.createServer(listenOptions);
  prepare(api, options.api, inFlight, options.answerBroken.api);
  prepare(management, options.management, new InFlight(), options.answerBroken.management);
  const sockets = followSockets(api);
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
      // A connection without a request is not a call. Node would wait a minute for one that never comes.
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
      await listen(management, options.host, options.managementPort, 'MANAGEMENT_PORT');
      await listen(api, options.host, options.port, 'PORT');
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

function prepare(
  server: http.Server,
  app: Express,
  inFlight: InFlight,
  answer: (request: BrokenRequest) => string,
): void {
  // Node silently drops headers beyond its limit: one of them may be the condition of an act. The
  // limit of 16 KiB for all of them holds.
  server.maxHeadersCount = 0;
  // A client that has closed its sending side still gets its answer. (Not over TLS: there Node does not notice
  // a client that is gone without a last word if it is to tolerate this.)
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('request', inFlight.listener);
  server.on('request', app);
  // Express gets it like any request, and refuses it.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  answerBrokenRequests(server, inFlight, answer);
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

async function listen(
  server: http.Server,
  host: string | null,
  port: number,
  variable: string,
): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen({ port, ...(host !== null && { host }) }, () => listening.resolve());
  try {
    await listening.promise;
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'EADDRINUSE':
        throw new CannotListen(`Port ${port} is taken: set ${variable} to another one.`);
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
        throw new CannotListen('HOST is no address of this machine.');
      default:
        throw error;
    }
  }
}

/** A port to listen on belongs to another process, or the address to another machine. */
class CannotListen extends Error {}

function portOf(server: http.Server): number {
  return (server.address() as AddressInfo).port;
}
