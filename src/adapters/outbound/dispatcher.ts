import { createSecureContext, type SecureContext } from 'node:tls';
import { Agent, type buildConnector, Client, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';

/** What HTTPS_PROXY and NO_PROXY say. */
export type ProxySettings = { readonly https: string | null; readonly exceptions: string | null };

/** The bounds of every connection. */
export type Limits = {
  /** For a connection with its name lookup and TLS handshake, in milliseconds. Through a proxy each of the
   *  three steps may take as long: to reach the proxy, its answer to CONNECT, the handshake beyond it. */
  readonly connectTimeoutMs: number;
  /** Of one answer, on the wire and after it was decompressed. */
  readonly maxAnswerBytes: number;
};

/** A handler that takes part in the choice of its request's connection. */
export type ConnectionAware = Dispatcher.DispatchHandler & {
  /** Given before the request is written: to be asked then whether another one went over its connection. */
  wasUsed?: () => boolean;
};

/** Called when the connection is open, right before the first request on it is written; if it fails, nothing
 *  is written. */
export type BeforeWriting = () => Promise<void>;

/** Makes pools of connections, direct or through the proxy. A pool has as many as there are requests under way, which
 *  the bound of concurrent calls limits: all tenants share Entra's and Graph's hosts, and with fewer those that wait for
 *  a silent tenant would hold up everyone else. */
export function dispatcherFactory(
  proxy: ProxySettings,
  { connectTimeoutMs, maxAnswerBytes }: Limits,
): (beforeWriting?: BeforeWriting) => Dispatcher {
  // Made once: making it for each connection would cost as much as the handshake.
  const secureContext = createSecureContext();
  const optionsWith = (beforeWriting?: BeforeWriting) => ({
    // In HTTP/2 requests share a connection, and undici sends them again by itself when the peer ends it: an act
    // would have no connection of its own, and no one could say that it was sent once (RFC 9113 6.8).
    allowH2: false,
    connect: { timeout: connectTimeoutMs, secureContext },
    maxResponseSize: maxAnswerBytes,
    factory: (origin: string | URL, pool: object) =>
      new Pool(origin, { ...pool, factory: clientFactory(beforeWriting) }),
  });
  const { https } = proxy;
  if (https === null) return (beforeWriting) => new Agent(optionsWith(beforeWriting));
  const tunnel = tunnelOptions(connectTimeoutMs, secureContext);
  const noProxy = proxy.exceptions ?? '';
  // If no proxy for plain HTTP is given, undici would look for one in the environment.
  const proxies = { httpProxy: '', httpsProxy: https, noProxy };
  return (beforeWriting) => new EnvHttpProxyAgent({ ...optionsWith(beforeWriting), ...tunnel, ...proxies });
}

function clientFactory(beforeWriting?: BeforeWriting) {
  // A pool hands its clients the function that connects, be it directly or through a tunnel.
  return (origin: URL, options: { readonly connect?: buildConnector.connector }) => {
    const connect = options.connect && beforeWriting && gated(options.connect, beforeWriting);
    return new RememberingClient(origin, connect === undefined ? options : { ...options, connect });
  };
}

/** Connects, and passes the connection on only if `beforeWriting` allows it. */
function gated(connect: buildConnector.connector, beforeWriting: BeforeWriting): buildConnector.connector {
  return (options, callback) =>
    connect(options, (error, socket) => {
      if (error !== null) return callback(error, null);
      beforeWriting()
        .then(() => {
          if (socket.destroyed) throw new ClosedMeanwhile();
        })
        .then(
          () => callback(null, socket),
          (refusal: Error) => {
            socket.destroy();
            callback(refusal, null);
          },
        );
    });
}

/** Nothing was sent: the peer was gone before. */
class ClosedMeanwhile extends Error {
  override readonly name = 'CLOSED_BEFORE_WRITING';
}

/** A client has one connection at a time, and one request on it. */
class RememberingClient extends Client {
  #used = false;

  constructor(origin: URL, options: object) {
    super(origin, options);
    this.on('connect', () => {
      this.#used = false;
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: ConnectionAware): boolean {
    handler.wasUsed = () => {
      const used = this.#used;
      this.#used = true;
      return used;
    };
    return super.dispatch(options, handler);
  }
}

/** undici's proxy agent ignores `connect`, and has timeouts of its own: 10 s to connect, and 300 s
 *  for the answer to CONNECT. */
function tunnelOptions(connectTimeoutMs: number, secureContext: SecureContext) {
  return {
    connectTimeout: connectTimeoutMs,
    requestTls: { secureContext },
    proxyTls: { secureContext, allowH2: false },
    clientFactory: (origin: URL, options: object) =>
      new Pool(origin, { ...options, headersTimeout: connectTimeoutMs }),
  };
}
