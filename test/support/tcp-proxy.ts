import { once } from 'node:events';
import net from 'node:net';
import type { Simulator } from '../../simulator/simulator.ts';
import { until } from './processes.ts';
import type { Environment, TestEnvironment } from './service.ts';

/** What becomes of a connection: it passes, is refused before a byte was exchanged, or waits first. */
type Verdict = 'pass' | 'refuse';

export type TcpProxy = {
  readonly port: number;
  /** How many connections there have been. */
  connections(): number;
  /** How many bytes came back on that connection. */
  answered(number: number): number;
  /** Decides about each connection, by its number from 1. */
  onConnection(decide: (number: number) => Verdict | Promise<Verdict>): void;
  /** Breaks every connection there is. */
  cut(): void;
  /** Lets nothing through any more, either way, on the connections of those numbers, or on all there are; they stay
   *  open. */
  freeze(...numbers: number[]): void;
  close(): Promise<void>;
};

/** A wire between the service and a port of localhost, which a test can cut or hold. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  let count = 0;
  let decide: (number: number) => Verdict | Promise<Verdict> = () => 'pass';
  const sockets: net.Socket[] = [];
  const freezing: (() => void)[] = [];
  const server = net.createServer({ pauseOnConnect: true }, async (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    count += 1;
    const number = count;
    if ((await decide(number)) === 'refuse') {
      socket.destroy();
      return;
    }
    const target = net.connect(targetPort, '127.0.0.1');
    target.on('error', () => socket.destroy());
    target.on('close', () => socket.destroy());
    socket.on('close', () => target.destroy());
    socket.pipe(target);
    target.pipe(socket);
    socket.resume();
    freezing[number] = () => {
      socket.unpipe(target).pause();
      target.unpipe(socket).pause();
    };
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    connections: () => count,
    answered: (number) => sockets[number - 1]?.bytesWritten ?? 0,
    onConnection(next) {
      decide = next;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    freeze(...numbers) {
      for (const [number, freeze] of freezing.entries()) {
        if (numbers.length === 0 || numbers.includes(number)) freeze?.();
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The same on the way to the database. */
export async function startWireToDatabase({
  database,
}: Pick<TestEnvironment, 'database'>): Promise<TcpProxy & { environment: Environment }> {
  const url = new URL(database.url);
  const wire = await startTcpProxy(Number(url.port));
  url.port = String(wire.port);
  return { ...wire, environment: { DATABASE_URL: url.href } };
}

/** A way to Graph on which the connection for an act is held before its handshake. It is the second one: the read
 *  before it leaves none behind. */
export async function holdConnectionToGraph(simulator: Simulator) {
  const proxy = await startTcpProxy(simulator.port);
  const letGo = Promise.withResolvers<void>();
  simulator.setFault('list', { headers: { connection: 'close' } });
  proxy.onConnection(async (number): Promise<Verdict> => {
    if (number > 1) await letGo.promise;
    return 'pass';
  });
  return {
    environment: { GRAPH_BASE_URL: `https://localhost:${proxy.port}/beta` },
    arrived: () => until('it connects for the act', () => proxy.connections() === 2),
    release: () => letGo.resolve(),
    answered: () => until('the peer has answered the handshake', () => proxy.answered(2) > 1000),
    close: () => proxy.close(),
  };
}
