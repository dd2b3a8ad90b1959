import type { Dispatcher } from 'undici';
import { decodeContent } from './content-coding.ts';
import {
  type BeforeWriting,
  type ConnectionAware,
  dispatcherFactory,
  type Limits,
  type ProxySettings,
} from './dispatcher.ts';

/** How the service reaches Entra ID and Graph: one keep-alive pool, one proxy setting, one way to
 *  bound time and size. */
export type HttpClient = {
  /** Sends one request and reads its whole answer. Never follows a redirect, and sends nothing twice but
   *  what is `repeatable`. Fails with `RequestFailed`, which says whether anything can have been sent. */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
  close(): Promise<void>;
};

/** One that its owner may end while requests are under way: they fail. */
export type EndableHttpClient = HttpClient & { destroy(): Promise<void> };

export type OutboundRequest = {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  /** For connecting, sending and reading the answer together, in milliseconds; where there is none left,
   *  nothing is sent. */
  readonly timeoutMs: number;
  /** Changes nothing at the peer: sent a second time, on a new connection and within the same time, where
   *  a kept one was closed before an answer began. */
  readonly repeatable?: boolean;
  /** For a request whose outcome must be certain: on a connection that no other request has used or will use. The
   *  peer may close a kept one at this very moment, or have sent more on it than it was asked for. */
  readonly ownConnection?: boolean;
  /** For such a request: called when its connection is open, right before the request is written. If this fails
   *  nothing is sent, and `send` fails with the same. */
  readonly beforeWriting?: BeforeWriting;
};

export type OutboundAnswer = {
  readonly status: number;
  /** Lower-case names. A header that came more than once is joined as RFC 9110 5.3 says. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
};

/** One request that was made and is over: also each that was sent again. Either `answer` or `failure` is `null`. */
export type OutboundTry = Pick<OutboundRequest, 'method' | 'url' | 'headers'> & {
  readonly answer: OutboundAnswer | null;
  readonly failure: RequestFailed | null;
  readonly durationMs: number;
  /** For which call it was made, as `currentCall` said when it began. */
  readonly callId: string | undefined;
};

/** How far a request had come when it failed: nothing can have been sent, some of it can have been (over a
 *  connection that was new, or kept from an earlier request), or the head of an answer had arrived. */
type Progress = 'unsent' | 'sent' | 'sent_over_kept' | 'answering';

/** No answer, or none that could be read. `sent` is false only where it is certain that not one byte
 *  of the request left on a connection. `code` is the system's or undici's, safe to log. */
export class RequestFailed extends Error {
  readonly sent: boolean;
  /** Nothing of an answer had come over a connection that had been kept. */
  readonly unansweredOverKept: boolean;
  readonly code: string;

  constructor(progress: Progress, code: string, options?: ErrorOptions) {
    const sent = progress !== 'unsent';
    super(`${code}${sent ? ' after the request was sent' : ' before anything was sent'}`, options);
    this.name = 'RequestFailed';
    this.sent = sent;
    this.unansweredOverKept = progress === 'sent_over_kept';
    this.code = code;
  }
}

// For answers far above what Entra's documents (about 20 kB) and a tenant's one connection need.
const usualLimits: Limits = { connectTimeoutMs: 5000, maxAnswerBytes: 1024 * 1024 };

/** Called for each request when it is over. */
export type TryListener = {
  /** The id of the call that is being worked on, where that is known. */
  readonly currentCall: () => string | undefined;
  readonly onTry: (tried: OutboundTry) => void;
};

const nobody: TryListener = { currentCall: () => undefined, onTry: () => {} };

/** An HTTP client over undici. `proxy` is what HTTPS_PROXY and NO_PROXY say. `listener` is called for
 *  each request. */
export function createHttpClient(
  proxy: ProxySettings,
  limits = usualLimits,
  listener = nobody,
): EndableHttpClient {
  const createDispatcher = dispatcherFactory(proxy, limits);
  const kept = createDispatcher();

  /** On a connection that no other request has used or will use. */
  async function sendAlone(request: OutboundRequest): Promise<OutboundAnswer> {
    const refusal: { error?: unknown } = {};
    const { beforeWriting } = request;
    const dispatcher = createDispatcher(
      beforeWriting &&
        (() =>
          beforeWriting().catch((error: unknown) => {
            refusal.error = error;
            throw error;
          })),
    );
    try {
      return await exchange(dispatcher, request, limits, listener);
    } catch (error) {
      throw refusal.error ?? error;
    } finally {
      void dispatcher.destroy();
    }
  }

  return {
    async send(request) {
      if (request.ownConnection === true) return sendAlone(request);
      const begun = performance.now();
      try {
        return await exchange(kept, request, limits, listener);
      } catch (error) {
        if (request.repeatable !== true || !wasClosedUnderIt(error)) throw error;
        const timeoutMs = request.timeoutMs - (performance.now() - begun);
        return sendAlone({ ...request, timeoutMs });
      }
    },
    close: () => kept.close(),
    destroy: () => kept.destroy(),
  };
}

/** Sends one request and reads its whole answer. */
function exchange(
  dispatcher: Dispatcher,
  request: OutboundRequest,
  { maxAnswerBytes }: Limits,
  listener: TryListener,
): Promise<OutboundAnswer> {
  if (request.timeoutMs <= 0) return Promise.reject(new RequestFailed('unsent', 'TIMEOUT'));
  const origin = originOf(request.url);
  return new Promise((resolve, reject) => {
    const handler = new Exchange(request, maxAnswerBytes, { resolve, reject, listener });
    dispatcher.dispatch(
      {
        origin,
        path: request.url.slice(origin.length) || '/',
        method: request.method,
        // Where nothing is said an answer may be compressed (RFC 9110 12.5.3).
        headers: { ...request.headers, 'accept-encoding': 'identity' },
        body: request.body ?? null,
      },
      handler,
    );
  });
}

/** A peer may close a connection that it kept while the next request on it is being sent. */
function wasClosedUnderIt(error: unknown): boolean {
  return error instanceof RequestFailed && error.unansweredOverKept && closedCodes.has(error.code);
}

const closedCodes = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

type Ending = {
  readonly resolve: (answer: OutboundAnswer) => void;
  readonly reject: (error: RequestFailed) => void;
  readonly listener: TryListener;
};

/** One request under way. It is undici's handler itself, since the streams of undici's `request` would cost
 *  more than all the rest of a call to Graph. */
class Exchange implements ConnectionAware {
  declare wasUsed: () => boolean;
  readonly #request: OutboundRequest;
  readonly #begun = performance.now();
  readonly #callId: string | undefined;
  readonly #maxAnswerBytes: number;
  readonly #ending: Ending;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #headers: Record<string, string> = {};
  #progress: Progress = 'unsent';
  #over = false;

  constructor(request: OutboundRequest, maxAnswerBytes: number, ending: Ending) {
    this.#request = request;
    this.#callId = ending.listener.currentCall();
    this.#maxAnswerBytes = maxAnswerBytes;
    this.#ending = ending;
    this.#timer = setTimeout(() => this.#giveUp(), request.timeoutMs);
  }

  /** Settles it with what is known so far. */
  fail(error: Error): void {
    this.#end();
    const failure = new RequestFailed(this.#progress, codeOf(error), { cause: error });
    this.#report(null, failure);
    this.#ending.reject(failure);
  }

  #report(answer: OutboundAnswer | null, failure: RequestFailed | null): void {
    const { method, url, headers } = this.#request;
    const durationMs = performance.now() - this.#begun;
    this.#ending.listener.onTry({ method, url, headers, answer, failure, durationMs, callId: this.#callId });
  }

  /** A request that is still waiting for its connection is not sent when that opens. */
  #giveUp(): void {
    const error = new TimedOut();
    this.fail(error);
    this.#controller?.abort(error);
  }

  /** Called once the connection is open: DNS errors, refused connections, TLS failures and a proxy's refusal come
   *  earlier. From here on the request may have been sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#over) {
      controller.abort(new TimedOut());
      return;
    }
    this.#controller = controller;
    this.#progress = this.wasUsed() ? 'sent_over_kept' : 'sent';
  }

  onResponseStart(_controller: unknown, status: number, headers: Received): void {
    this.#progress = 'answering';
    this.#status = status;
    this.#headers = joined(headers);
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    try {
      const text = this.#text();
      this.#end();
      const answer = { status: this.#status, headers: this.#headers, text };
      this.#report(answer, null);
      this.#ending.resolve(answer);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #text(): string {
    const [first = noBytes, ...more] = this.#chunks;
    const bytes = more.length === 0 ? first : Buffer.concat(this.#chunks);
    return utf8.decode(decodeContent(bytes, this.#headers['content-encoding'], this.#maxAnswerBytes));
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
const noBytes = Buffer.alloc(0);

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

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
