import net from 'node:net';

/** What one request came to: a status, or how it failed. `refused` was never sent. `untaken` was the first
 *  on its connection, which was closed without a word: nobody may ever have taken it up. `broken` was sent on
 *  a connection that had served before, or had half an answer. */
export type Outcome = number | 'refused' | 'untaken' | 'broken';

/** One keep-alive connection that sends one request at a time. It reads answers no further than to know
 *  where they end, since each microsecond it takes is taken from the servers it measures. */
export class HttpConnection {
  readonly #port: number;
  #socket: net.Socket | null = null;
  #state: 'connecting' | 'connected' | 'served' = 'connecting';
  #received = '';
  #done: ((outcome: Outcome) => void) | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a whole request, given as text, and says what became of it. */
  send(request: string, done: (outcome: Outcome) => void): void {
    this.#done = done;
    this.#received = '';
    this.#open().write(request, 'latin1');
  }

  close(): void {
    this.#done = null;
    this.#socket?.destroy();
    this.#socket = null;
  }

  #open(): net.Socket {
    if (this.#socket !== null) return this.#socket;
    const socket = net.connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.setEncoding('latin1');
    socket.on('connect', () => {
      this.#state = 'connected';
    });
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', () => {});
    socket.on('close', () => this.#closed(socket));
    this.#socket = socket;
    this.#state = 'connecting';
    return socket;
  }

  #take(text: string): void {
    this.#state = 'served';
    this.#received = this.#received === '' ? text : this.#received + text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0 || !isWhole(this.#received, headEnd)) return;
    const status = Number(this.#received.slice(9, 12));
    if (/\r\nconnection: close/i.test(this.#received.slice(0, headEnd))) {
      this.#socket?.destroy();
      this.#socket = null;
    }
    this.#settle(status);
  }

  #closed(socket: net.Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    const failures = { connecting: 'refused', connected: 'untaken', served: 'broken' } as const;
    this.#settle(failures[this.#state]);
  }

  #settle(outcome: Outcome): void {
    const done = this.#done;
    this.#done = null;
    done?.(outcome);
  }
}

/** Whether the body that follows the head is all there (RFC 9112 6.3: its length, or chunks). */
function isWhole(received: string, headEnd: number): boolean {
  const head = received.slice(0, headEnd);
  const bodyStart = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length !== null) return received.length >= bodyStart + Number(length[1]);
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return endsInChunks(received, bodyStart);
  return true;
}

function endsInChunks(received: string, start: number): boolean {
  for (let at = start; ; ) {
    const lineEnd = received.indexOf('\r\n', at);
    if (lineEnd < 0) return false;
    const size = Number.parseInt(received.slice(at, lineEnd), 16);
    at = lineEnd + 2 + size + 2;
    if (at > received.length) return false;
    if (size === 0) return true;
  }
}
