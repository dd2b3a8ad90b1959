import { once } from 'node:events';
import net from 'node:net';

/** A name that leads to one server after the other; connections stay where they went. */
export async function startMovingName(first: number) {
  let port = first;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    const target = net.connect(port, '127.0.0.1');
    for (const one of [socket, target]) {
      sockets.add(one);
      one.on('error', () => {});
    }
    target.on('close', () => socket.destroy());
    socket.on('close', () => target.destroy());
    socket.pipe(target);
    target.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    leadTo(next: number) {
      port = next;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
