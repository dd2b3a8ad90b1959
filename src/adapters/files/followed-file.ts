import { readFileSync, statSync } from 'node:fs';

/** Why files cannot be used, worded for the person who has to fix them. It holds no path and no content. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}

export type FollowedFileOptions<Value> = {
  /** Files that belong together, such as a certificate and its key. */
  readonly paths: readonly string[];
  /** Makes the value out of the files' contents, in the order of `paths`. Throws `UnusableFile` with a
   *  message of ours; anything else it throws is reported as "not usable", since library messages quote the content. */
  readonly parse: (contents: readonly Buffer[]) => Value;
  /** Called once for each problem, with the reason why the files' current content is not used. */
  readonly onProblem?: (problem: string) => void;
};

// Two changes within a file system's clock tick (up to 10 ms on Linux) look like one.
const settledAfterMs = 50;

/** A value read from files, and read again when they change, so that a rotation needs no restart. It checks
 *  the files instead of watching them: Kubernetes swaps symbolic links, which no watch on a file sees. Files
 *  that are gone, half-written or invalid leave the last good value in use. */
export class FollowedFile<Value> {
  readonly #options: FollowedFileOptions<Value>;
  #value: Value | null = null;
  #problem: string | null = null;
  /** Identifies the files' state when they were last read; `null`: read them again. */
  #state: string | null = null;
  #contents: readonly Buffer[] = [];

  constructor(options: FollowedFileOptions<Value>) {
    this.#options = options;
  }

  /** The value; the same object until the files hold a new one. `null` if they never held one. */
  get(): Value | null {
    try {
      this.#refresh();
      this.#problem = null;
    } catch (error) {
      this.#report(problemOf(error));
    }
    return this.#value;
  }

  /** Why the files' content at the last check is not used; `null` if it is. */
  get problem(): string | null {
    return this.#problem;
  }

  #refresh(): void {
    const { paths, parse } = this.#options;
    const stats = paths.map((path) => statSync(path));
    const state = stats.map(({ mtimeMs, ctimeMs, ino, size }) => [mtimeMs, ctimeMs, ino, size]).join();
    if (state === this.#state) return;
    const newest = Math.max(...stats.map(({ ctimeMs }) => ctimeMs));
    const contents = paths.map((path) => readFileSync(path));
    const same =
      this.#contents.length > 0 && contents.every((content, index) => this.#contents[index]?.equals(content));
    if (!same) this.#value = parse(contents);
    this.#contents = contents;
    this.#state = Date.now() - newest > settledAfterMs ? state : null;
  }

  #report(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.onProblem?.(problem);
  }
}

function problemOf(error: unknown): string {
  if (error instanceof UnusableFile) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'is not there';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this process: its permissions or owner forbid it';
    case 'EISDIR':
      return 'is a folder';
    default:
      return /^E[A-Z]+$/.test(code) ? `cannot be read (${code})` : 'is not usable';
  }
}
