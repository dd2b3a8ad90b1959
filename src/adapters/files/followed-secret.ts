import { Secret } from '../../core/secret.ts';
import { FollowedFile, UnusableFile } from './followed-file.ts';

/** A secret as settings give it: the secret itself, or a file that holds it. */
export type SecretSource = { readonly value: Secret } | { readonly file: string };

/** A secret in a file: read again when the file has changed, so that a rotated one is used without a
 *  restart. */
class FollowedSecret extends Secret {
  readonly #file: FollowedFile<Secret>;

  constructor(path: string, onProblem: (problem: string) => void) {
    super('');
    this.#file = new FollowedFile({ paths: [path], parse: ([content]) => secretIn(content), onProblem });
  }

  /** Throws if the file has never held one. */
  override reveal(): string {
    const secret = this.#file.get();
    if (secret === null) throw new Error(`the file with the secret ${this.#file.problem}`);
    return secret.reveal();
  }
}

/** The secret that the settings mean. `onProblem` is called once for each problem with the file's current content. */
export function secretFrom(source: SecretSource, onProblem: (problem: string) => void = () => {}): Secret {
  return 'file' in source ? new FollowedSecret(source.file, onProblem) : source.value;
}

/** The one line a secret's file holds, without the blanks and line ends around it. Throws `UnusableFile`. */
export function secretIn(content: Buffer | undefined): Secret {
  const text = (content ?? Buffer.alloc(0)).toString('utf8').trim();
  if (text === '') throw new UnusableFile('is empty');
  if (content?.includes(0)) throw new UnusableFile('is no text in UTF-8: it has NUL bytes. Save it as UTF-8');
  if (text.includes('\n')) throw new UnusableFile('has more than one line: it must hold the secret alone');
  return new Secret(text);
}
