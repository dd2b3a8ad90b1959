import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';

export type ServersOptions = {
  readonly api: Express;
  readonly management: Express;
  /** 0 takes any free port. */
  readonly port: number;
  readonly managementPort: number;
  /** With these the API port speaks TLS. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** How long to keep serving after `close` is called, in milliseconds: endpoints and gateways need a
   *  moment to forget us. */
  readonly drainMs: number;
  /** How long in-flight calls may take to finish after that. */
  readonly shutdownMs: number;
};

export type Servers = {
  start(): Promise<{ port: number; managementPort: number }>;
  close(): Promise<void>;
};

/** The two listening ports. */
export function createServers(options: ServersOptions): Servers {
  const api =
    options.tls === null
      ? http.createServer(options.api)
      : https.createServer(
          { cert: readFileSync(options.tls.certFile), key: readFileSync(options.tls.keyFile) },
          options.api,
        );
  const management = http.createServer(options.management);
  // A request must have arrived within this; Node's own 431 and 408 answer what is too big or too slow.
  for (const server of [api, management]) server.requestTimeout = 30_000;
  let closing: Promise<void> | null = null;

  async function close(): Promise<void> {
    if (api.listening) {
      await sleep(options.drainMs);
      await stop(api, options.shutdownMs);
    }
    // Last, so that readiness and metrics can be read to the end.
    if (management.listening) await stop(management, 0);
  }

  return {
    async start() {
      await listen(management, options.managementPort, 'MANAGEMENT_PORT');
      await listen(api, options.port, 'PORT');
      return { port: portOf(api), managementPort: portOf(management) };
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Stops listening, lets in-flight calls finish, and cuts what is left after `graceMs`. */
async function stop(server: http.Server, graceMs: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  // Keep-alive connections that idle now are closed by close(); those that are busy, after their answer.
  server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'));
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed.promise;
  clearTimeout(timer);
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
