import type { Clock } from '../../core/ports.ts';
import type { Secret } from '../../core/secret.ts';
import { FollowedFile } from '../files/followed-file.ts';
import {
  type Credential,
  certificateFrom,
  federatedTokenFrom,
  secretCredential,
  secretFileFrom,
} from './credential-files.ts';

export type CredentialSettings = {
  readonly federatedTokenFile: string | null;
  readonly certificatePath: string | null;
  readonly secretFile: string | null;
  readonly secret: Secret | null;
};

export type ClientCredentialOptions = {
  readonly clientId: string;
  readonly clock: Clock;
  /** Called once for each problem, with the reason why the file's content is not used. */
  readonly onProblem: (problem: string) => void;
};

/** Our own credential at Entra ID: the first of federated token, certificate, secret file and secret
 *  that is set. Files are looked at for every exchange and read when they changed, so that a rotation
 *  needs no restart; while a file is unreadable or half-written, the previous one stays in use. */
export class ClientCredential {
  /** The environment variable that names it. */
  readonly variable: string;
  readonly #file: FollowedFile<Credential> | null;
  readonly #onProblem: (problem: string) => void;
  /** The last readable content of the file. */
  #inFile: Credential | null = null;
  /** The one to use: the file's, unless Entra refused that and still accepted the previous one. */
  #inUse: Credential | null = null;
  /** The last one that Entra accepted. */
  #accepted: Credential | null = null;

  constructor(settings: CredentialSettings, options: ClientCredentialOptions) {
    const { clientId, clock, onProblem } = options;
    this.#onProblem = onProblem;
    const follow = (path: string, from: (content: Buffer) => Credential) =>
      new FollowedFile({ paths: [path], parse: ([content = Buffer.alloc(0)]) => from(content), onProblem });
    if (settings.federatedTokenFile !== null) {
      this.variable = 'AZURE_FEDERATED_TOKEN_FILE';
      this.#file = follow(settings.federatedTokenFile, (content) => federatedTokenFrom(content, clock));
    } else if (settings.certificatePath !== null) {
      this.variable = 'AZURE_CLIENT_CERTIFICATE_PATH';
      this.#file = follow(settings.certificatePath, (content) => certificateFrom(content, clientId, clock));
    } else if (settings.secretFile !== null) {
      this.variable = 'AZURE_CLIENT_SECRET_FILE';
      this.#file = follow(settings.secretFile, secretFileFrom);
    } else {
      this.variable = 'AZURE_CLIENT_SECRET';
      this.#file = null;
      this.#inUse = settings.secret === null ? null : secretCredential(settings.secret, 'secret');
    }
  }

  /** The credential to use now; `null` where there has never been a usable one. */
  use(): Credential | null {
    const inFile = this.#file?.get() ?? null;
    if (inFile !== null && inFile !== this.#inFile) {
      this.#inFile = inFile;
      this.#inUse = inFile;
    }
    return this.#inUse;
  }

  /** Why the file's current content is not used; `null` if it is, or if there is no file. */
  get problem(): string | null {
    return this.#file?.problem ?? null;
  }

  /** What to try instead of a credential that Entra refused: what the file holds now, or the one
   *  that Entra accepted before, if the file is half-written or ahead of Entra; `null` if there is none. */
  insteadOf(refused: Credential): Credential | null {
    const others = [this.use(), this.#inFile, this.#accepted];
    return others.find((other) => other !== null && other.fingerprint !== refused.fingerprint) ?? null;
  }

  /** Entra accepted this one, possibly after it refused another, which is then no longer used. */
  worked(credential: Credential, options: { insteadOf?: Credential } = {}): void {
    this.#accepted = credential;
    // Only if that one is still in use: the file may have been completed in the meantime.
    if (options.insteadOf === undefined || this.#inUse?.fingerprint !== options.insteadOf.fingerprint) return;
    this.#inUse = credential;
    if (credential !== this.#inFile) {
      this.#onProblem('holds a credential that Entra ID refuses; keeping the previous one');
    }
  }
}
