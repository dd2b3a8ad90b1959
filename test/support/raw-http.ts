import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { until } from './processes.ts';

export type RawAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly body: Record<string, unknown>;
};

export type RawConnection = {
  /** Writes these bytes as they are. */
  send(text: string): void;
  /** Closes our sending side and goes on reading. */
  finish(): void;
  /** Breaks the connection off with a reset. */
  reset(): void;
  readonly isReset: boolean;
  /** Whether the connection ended with an error, such as a reset from the other side. */
  readonly failed: boolean;
  /** The next answer that arrives whole; fails where the connection ends before. */
  answer(): Promise<RawAnswer>;
  /** Resolves when the other side has closed the connection. */
  closed(): Promise<void>;
  /** What came and no one has asked for. */
  rest(): string;
  close(): void;
};

/** A connection to the service on which a test says every byte itself. */
export async function connectRaw(url: string): Promise<RawConnection> {
  const { protocol, port, hostname: host } = new URL(url);
  const options = { port: Number(port), host, allowHalfOpen: true };
  const socket = protocol === 'https:' ? tls.connect(options) : net.connect(options);
  let received = Buffer.alloc(0);
  let ended = false;
  let reset = false;
  let failed = false;
  socket.on('error', () => {
    failed = true;
  });
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  for (const event of ['end', 'close', 'error']) {
    socket.on(event, () => {
      ended = true;
    });
  }
  await once(socket, protocol === 'https:' ? 'secureConnect' : 'connect');

  function take(): RawAnswer | null {
    const text = received.toString('latin1');
    const head = text.indexOf('\r\n\r\n');
    if (head === -1) return null;
    const [first = '', ...lines] = text.slice(0, head).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 2),
      ]),
    );
    const end = head + 4 + Number(headers['content-length'] ?? 0);
    if (headers['content-length'] === undefined && headers['transfer-encoding'] !== undefined) {
      const last = text.indexOf('\r\n0\r\n\r\n', head);
      if (last === -1) return null;
      return taken(first, headers, head + 4, last + 7);
    }
    return received.length < end ? null : taken(first, headers, head + 4, end);
  }

  function taken(first: string, headers: Record<string, string>, from: number, to: number): RawAnswer {
    const text = received.subarray(from, to).toString('utf8');
    received = received.subarray(to);
    const isJson = headers['content-type']?.includes('json') && headers['transfer-encoding'] === undefined;
    return {
      status: Number(first.split(' ')[1]),
      headers,
      text,
      body: isJson && text !== '' ? JSON.parse(text) : {},
    };
  }

  return {
    send: (text) => void socket.write(text, 'latin1'),
    finish: () => void socket.end(),
    reset() {
      reset = true;
      socket.resetAndDestroy();
    },
    get failed() {
      return failed;
    },
    get isReset() {
      return reset;
    },
    async answer() {
      let answer: RawAnswer | null = null;
      await until('an answer arrives', () => {
        answer = take();
        // 100 Continue is no answer yet.
        if (answer?.status === 100) answer = take();
        return answer !== null || ended;
      });
      if (answer === null)
        throw new Error(`The connection ended instead: ${JSON.stringify(received.toString())}`);
      return answer;
    },
    closed: () => until('the other side closes', () => ended),
    rest: () => received.toString('latin1'),
    close: () => socket.destroy(),
  };
}

/** The text of a POST with these headers, up to the empty line. */
export function postHead(path: string, headers: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries({ host: 'service.example', ...headers });
  return `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}
