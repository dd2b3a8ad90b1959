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
    connect: { timeout: 5000 },
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
  const dispatchers = { kept: kept.compose(markSent), own: own.compose(markSent) };

  return {
    async send(request) {
      const progress: Progress = { sent: false, mayStart: request.mayStart };
      const { origin } = new URL(request.url);
      try {
        const dispatcher = request.ownConnection === true ? dispatchers.own : dispatchers.kept;
        const answer = await dispatcher.request({
          origin,
          path: request.url.slice(origin.length) || '/',
          method: request.method,
          headers: request.headers,
          body: request.body ?? null,
          reset: request.ownConnection === true,
          signal: AbortSignal.timeout(request.timeoutMs),
          progress,
        } as Dispatcher.RequestOptions);
        return {
          status: answer.statusCode,
          headers: joined(answer.headers),
          text: await answer.body.text(),
        };
      } catch (error) {
        throw new RequestFailed(progress.sent, codeOf(error), { cause: error });
      }
    },
    async close() {
      await Promise.all([kept.close(), own.close()]);
    },
  };
}

type Progress = { sent: boolean; readonly mayStart: (() => boolean) | undefined };

/** The request was ready to be written when it was no longer to be. */
class TooLate extends Error {
  override readonly name = 'TOO_LATE';
}

/** Notes in the request's own `progress` when it is about to be written. undici says `onRequestStart`
 *  once a connection stands: DNS, refused connections, TLS failures and a proxy's refusal come before. */
function markSent(dispatch: Dispatcher.Dispatch): Dispatcher.Dispatch {
  return (options, handler) => {
    const { progress } = options as typeof options & { progress: Progress };
    const started = handler.onRequestStart?.bind(handler);
    handler.onRequestStart = (controller, context) => {
      if (progress.mayStart?.() === false) return controller.abort(new TooLate());
      progress.sent = true;
      started?.(controller, context);
    };
    return dispatch(options, handler);
  };
}

function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return result;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN';
  if (error.name === 'TimeoutError') return 'TIMEOUT';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
