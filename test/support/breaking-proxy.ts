import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** An answer as bytes: its head, to the empty line, and its body. */
export type WholeAnswer = { readonly head: Buffer; readonly body: Buffer };

/** What becomes of an answer on its way back: bytes to write before the connection breaks; `hold`, with which it
 *  never breaks. */
export type Breakage = (answer: WholeAnswer) => { readonly bytes: Buffer; readonly hold?: true };

export type BreakingProxy = {
  readonly url: string;
  /** Breaks the answers to POSTs, until `null`. */
  breakPosts(breakage: Breakage | null): void;
  /** Does not pass POSTs on, and breaks off, until `false`. */
  dropPosts(drop: boolean): void;
  /** How many answers were broken. */
  broken(): number;
  close(): Promise<void>;
};

/** A gateway in front of `target` (http), which breaks answers after the service has given them. */
export async function startBreakingProxy(target: string): Promise<BreakingProxy> {
  let breakage: Breakage | null = null;
  let drop = false;
  let broken = 0;
  const server = createServer(async (incoming, response) => {
    const isPost = incoming.method === 'POST';
    if (isPost && drop) return void incoming.socket.destroy();
    const answer = await forwarded(incoming, target);
    if (!isPost || breakage === null) {
      response.writeHead(answer.status, answer.headers).end(answer.body);
      return;
    }
    const { bytes, hold } = breakage({ head: headOf(answer), body: answer.body });
    broken += 1;
    const socket = response.socket as Socket;
    if (hold) socket.write(bytes);
    else socket.end(bytes);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    breakPosts(next) {
      breakage = next;
    },
    dropPosts(next) {
      drop = next;
    },
    broken: () => broken,
    close: () => closed(server),
  };
}

type Forwarded = { readonly status: number; readonly headers: string[]; readonly body: Buffer };

async function forwarded(incoming: IncomingMessage, target: string): Promise<Forwarded> {
  const outgoing = request(new URL(incoming.url ?? '/', target), {
    method: incoming.method ?? 'GET',
    headers: { ...incoming.headers, connection: 'close' },
  });
  incoming.pipe(outgoing);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return { status: answer.statusCode ?? 0, headers: answer.rawHeaders, body: Buffer.concat(chunks) };
}

function headOf({ status, headers }: Forwarded): Buffer {
  const lines = [`HTTP/1.1 ${status} As it was`];
  for (let at = 0; at < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
