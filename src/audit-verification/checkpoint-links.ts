import type { FindingKind } from './finding.ts';
import type { Statement } from './format/statement.ts';

type Wrong = { readonly kind: FindingKind; readonly message: string };

type Last = { readonly digest: string; readonly linked: boolean };

/** Checks that the signed checkpoints of a chain refer to one another: each to the one that its key signed before it,
 *  the first of a key to the last of an earlier key. Remembers the last of each key. */
export class CheckpointLinks {
  readonly #last = new Map<string, Last>();

  /** Takes the next checkpoint; gives what is wrong with its place, or `null`. */
  next(
    { number, previous, keyId }: Statement,
    digest: string,
    options: { afterRemoval: boolean },
  ): Wrong | null {
    const key = String(keyId);
    const last = this.#last.get(key);
    // Anybody who may read the checkpoints and call the service's functions can store one again.
    if (digest === last?.digest) {
      return { kind: 'malformed', message: `The checkpoint of event ${number} is there twice.` };
    }
    const lasts = [...this.#last.values()].map((each) => each.digest);
    this.#last.set(key, { digest, linked: previous !== undefined });
    if (previous === undefined) {
      if (!last?.linked) return null;
      return gone(`The checkpoint of event ${number} names none before it, but comes after one that does`);
    }
    if (previous === last?.digest) return null;
    if (last !== undefined) {
      return gone(
        `The checkpoint that the one of event ${number} follows is not before it: one was deleted, or the order was changed`,
      );
    }
    // The first of its key. What it follows may have gone with what retention removed.
    if (previous === null || lasts.includes(previous) || options.afterRemoval) return null;
    return gone(`The checkpoint that the one of event ${number} follows is not there: it was deleted`);
  }

  /** Whether a checkpoint of that digest was the last of its key. */
  has(digest: string): boolean {
    return [...this.#last.values()].some((last) => last.digest === digest);
  }
}

function gone(message: string): Wrong {
  return { kind: 'checkpoint_gone', message: `${message}.` };
}
