import { createSecureContext } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';

/** How the service reaches Entra ID and Graph: one keep-alive pool, one proxy setting, one way to
 *  bound time and size. */
export type HttpClient = {
  /** Sends one request and reads its whole answer. Never follows a redirect, never retries.
   *  Fails with `RequestFailed`, which tells whether anything can have been sent. */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
  close(): Promise<void>;
};

export type OutboundRequest = {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  /** For connecting, sending and reading the answer together, in milliseconds. */
  readonly timeoutMs: number;
  /** For a request that must not be in doubt: over a connection that no other has used or will use. The
   *  peer may close a kept one at this very moment, or have sent more on it than it was asked for. */
  readonly ownConnection?: boolean;
  /** Asked at the moment when the request is about to be written; where it says no, nothing is sent. */
  readonly mayStart?: () => boolean;
};

export type OutboundAnswer = {
  readonly status: number;
  /** Lower-case names. A header that came more than once is joined as RFC 9110 5.3 says. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
};

/** No answer, or none that could be read. `sent` is false only where it is certain that not one byte
 *  of the request left on a connection. `code` is the system's or undici's, safe to log. */
export class RequestFailed extends Error {
  readonly sent: boolean;
  readonly code: string;

  constructor(sent: boolean, code: string, options?: ErrorOptions) {
    super(`${code}${sent ? ' after the request was sent' : ' before anything was sent'}`, options);
    this.name = 'RequestFailed';
    this.sent = sent;
    this.code = code;
  }
}

// Far above what Entra's documents (about 20 kB) and a tenant's one connection need.
const maxAnswerBytes = 1024 * 1024;
// All tenants share Entra's and Graph's hosts. With fewer connections than calls under way, those that
// wait for a silent tenant would hold up everyone else.
const maxConnections = 4096;

/** An HTTP client over undici. `proxy` is what HTTPS_PROXY and NO_PROXY say. */
export function createHttpClient(proxy: { https: string | null; exceptions: string | null }): HttpClient {
  const options = {
    // In HTTP/2 requests share a connection, and undici sends them anew by itself when the peer ends it: an act
    // would have no connection of its own, and no one could say that it was sent once (RFC 9113 6.8).
    allowH2: false,
    // Made once: for each connection anew it would cost as much as the handshake.
    connect: { timeout: 5000, secureContext: createSecureContext() },
    maxResponseSize: maxAnswerBytes,
    connections: maxConnections,
  };
  const createAgent = (): Dispatcher =>
    proxy.https === null
      ? new Agent(options)
      : new EnvHttpProxyAgent({ ...options, httpsProxy: proxy.https, noProxy: proxy.exceptions ?? '' });
  const kept = createAgent();
  // Each of its requests closes its connection, so that it has none to use again.
  const own = createAgent();

  return {
    send(request) {
      const origin = originOf(request.url);
      return new Promise((resolve, reject) => {
        const dispatcher = request.ownConnection === true ? own : kept;
        const exchange = new Exchange(request, resolve, reject);
        try {
          dispatcher.dispatch(
            {
              origin,
              path: request.url.slice(origin.length) || '/',
              method: request.method,
              headers: request.headers,
              body: request.body ?? null,
              reset: request.ownConnection === true,
            },
            exchange,
          );
        } catch (error) {
          exchange.fail(error);
        }
      });
    },
    async close() {
      await Promise.all([kept.close(), own.close()]);
    },
  };
}

/** One request under way. It is undici's handler itself, since the streams of undici's `request` would cost
 *  more than all the rest of a call to Graph. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: OutboundRequest;
  readonly #resolve: (answer: OutboundAnswer) => void;
  readonly #reject: (error: RequestFailed) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #headers: Record<string, string> = {};
  #sent = false;
  #over = false;

  constructor(
    request: OutboundRequest,
    resolve: (answer: OutboundAnswer) => void,
    reject: (error: RequestFailed) => void,
  ) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => this.#giveUp(), request.timeoutMs);
  }

  /** Ends it with what is known by now. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#end();
    this.#reject(new RequestFailed(this.#sent, codeOf(error), { cause: error }));
  }

  /** A request that still waits for its connection is not sent when that stands. */
  #giveUp(): void {
    const error = new TimedOut();
    this.fail(error);
    this.#controller?.abort(error);
  }

  /** Said once a connection stands: DNS, refused connections, TLS failures and a proxy's refusal come
   *  before. From here on the request may have been sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    const refusal = this.#refusal();
    if (refusal !== null) {
      controller.abort(refusal);
      return;
    }
    this.#controller = controller;
    this.#sent = true;
  }

  #refusal(): Error | null {
    if (this.#over) return new TimedOut();
    return this.#request.mayStart?.() === false ? new TooLate() : null;
  }

  onResponseStart(_controller: unknown, status: number, headers: Received): void {
    this.#status = status;
    this.#headers = joined(headers);
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#end();
    const [first, ...more] = this.#chunks;
    const bytes = more.length === 0 ? first : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, headers: this.#headers, text: utf8.decode(bytes) });
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.fail(error);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }
}

type Received = Record<string, string | string[] | undefined>;

const utf8 = new TextDecoder();

/** The request was ready to be written when it was no longer to be. */
class TooLate extends Error {
  override readonly name = 'TOO_LATE';
}

/** The whole time for the request was up. */
class TimedOut extends Error {
  override readonly name = 'TIMEOUT';
}

function joined(headers: Received): Record<string, string> {
  for (const name in headers) {
    const value = headers[name];
    if (Array.isArray(value)) headers[name] = value.join(', ');
  }
  return headers as Record<string, string>;
}

// Settings and metadata were parsed as URLs when they were read; `new URL` for each request costs a microsecond.
function originOf(url: string): string {
  const end = url.indexOf('/', 'https://'.length);
  return end === -1 ? url : url.slice(0, end);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
