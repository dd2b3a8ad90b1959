import { readFileSync } from 'node:fs';
import { Secret } from '../core/secret.ts';

/** A secret that stands in a file and is read each time it is needed, so that a rotated one counts
 *  without a restart. */
export class SecretFile extends Secret {
  readonly #path: string;

  constructor(path: string) {
    super('');
    this.#path = path;
  }

  /** Throws where the file can't be read. */
  override reveal(): string {
    return readFileSync(this.#path, 'utf8').trim();
  }
}
