import type { Server } from 'node:https';

/** A certificate with its chain, its key, and when it expires, in milliseconds since the epoch. */
type Pair = { readonly cert: Buffer; readonly key: Buffer; readonly expiresAt: number };

export type TlsFilesOptions = {
  /** The pair from the files, or the last usable one; the same object until there is a new one.
   *  `null` if there never was a usable one. */
  readonly pair: () => Pair | null;
  /** How often to ask, in milliseconds. */
  readonly pollMs: number;
  /** Called with each pair that is put in use, the first one too; `expiresAt` is in milliseconds since the epoch. */
  readonly onLoaded: (expiresAt: number) => void;
};

/** The certificate and key of a TLS server, replaced while it runs. */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  #inUse: Pair | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: TlsFilesOptions) {
    this.#options = options;
  }

  /** The pair to start with. Throws if there is no usable one: no caller could be served. */
  load(): Pair {
    const pair = this.#options.pair();
    if (pair === null) throw new Error('TLS_CERT_FILE and TLS_KEY_FILE hold no usable pair');
    this.#inUse = pair;
    this.#options.onLoaded(pair.expiresAt);
    return pair;
  }

  /** Gives the server each new pair for the connections to come. */
  follow(server: Server): void {
    this.#timer = setInterval(() => {
      const pair = this.#options.pair();
      if (pair === null || pair === this.#inUse) return;
      server.setSecureContext(pair);
      this.#inUse = pair;
      this.#options.onLoaded(pair.expiresAt);
    }, this.#options.pollMs).unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}
