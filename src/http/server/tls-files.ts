import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';

export type TlsFilesOptions = {
  readonly certFile: string;
  readonly keyFile: string;
  /** How often to look whether they have changed, in milliseconds. */
  readonly pollMs: number;
  /** Hears of a pair in use, the first one too; `expiresAt` is in milliseconds since the epoch. */
  readonly onLoaded: (expiresAt: number) => void;
  /** Hears, once, why what the files hold now is not used. */
  readonly onProblem: (problem: string) => void;
};

type Pair = { readonly cert: Buffer; readonly key: Buffer };

/** The certificate and key of a TLS server, followed as their files change. Looks at the files instead
 *  of watching them: Kubernetes swaps symbolic links, which no watch on a file sees. */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  #state: string;
  #problem = '';
  #timer: NodeJS.Timeout | null = null;

  constructor(options: TlsFilesOptions) {
    this.#options = options;
    this.#state = this.#look();
  }

  /** The pair to start with. Throws where there is no usable one: nobody could be served. */
  load(): Pair {
    const pair = this.#read();
    this.#options.onLoaded(expiryOf(pair));
    return pair;
  }

  /** Gives the server each new pair for the connections to come. A half-written pair, or a certificate
   *  that is not the key's, leaves the one before in use. */
  follow(server: Server): void {
    this.#timer = setInterval(() => {
      try {
        const state = this.#look();
        if (state === this.#state) return;
        const pair = this.#read();
        server.setSecureContext(pair);
        this.#state = state;
        this.#problem = '';
        this.#options.onLoaded(expiryOf(pair));
      } catch (error) {
        this.#complain(error);
      }
    }, this.#options.pollMs).unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #look(): string {
    const { certFile, keyFile } = this.#options;
    return [certFile, keyFile]
      .map((file) => statSync(file))
      .map(({ mtimeMs, ctimeMs, ino, size }) => `${mtimeMs}:${ctimeMs}:${ino}:${size}`)
      .join(' ');
  }

  #read(): Pair {
    const pair = { cert: readFileSync(this.#options.certFile), key: readFileSync(this.#options.keyFile) };
    // Throws for what is no certificate or key, and for two that don't belong together.
    createSecureContext(pair);
    return pair;
  }

  /** Once for each problem, not at each look. The files' content never belongs in the message. */
  #complain(error: unknown): void {
    const problem = error instanceof Error && 'code' in error ? String(error.code) : 'not usable';
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.onProblem(problem);
  }
}

function expiryOf({ cert }: Pair): number {
  return Date.parse(new X509Certificate(cert).validTo);
}
