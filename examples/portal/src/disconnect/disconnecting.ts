import type { DisconnectCall } from '../api/api.ts';
import type { AwaitingApproval, Disconnected } from '../api/types.ts';
import { type Intent, judge } from './intent.ts';

/** Where the wish stands. */
export type Phase =
  | { readonly name: 'idle' }
  | { readonly name: 'sending'; readonly intent: Intent; readonly tries: number }
  | {
      readonly name: 'unsure';
      readonly intent: Intent;
      readonly tries: number;
      /** `null` where the page was loaded again before an answer came. */
      readonly error: unknown;
    }
  | { readonly name: 'operation'; readonly operationId: string }
  | { readonly name: 'refused'; readonly error: unknown };

/** What keeps a wish over a reload of the page. No token is ever in it. */
export type Keeping = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

type Surroundings = {
  readonly send: (call: DisconnectCall) => Promise<Disconnected | AwaitingApproval>;
  readonly keeping: Keeping;
  readonly newKey: () => string;
};

const place = 'portal.intent';

/** Whether a wish was sent and its answer not seen when the page was left, whoever's it was. */
export function isWishKept(keeping: Keeping): boolean {
  return keptIn(keeping) !== null;
}

/** Sends one wish at a time, and holds on to it until its answer is certain: over changes of the view, over
 *  a claims challenge, and over a reload of the page. */
export class Disconnecting {
  readonly #surroundings: Surroundings;
  readonly #listeners = new Set<() => void>();
  #phase: Phase = { name: 'idle' };

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Returns what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A new wish, with a key of its own. Not while there is one that has not been seen to its end. */
  async begin(wish: Omit<Intent, 'key'>): Promise<void> {
    if (this.#phase.name !== 'idle' && this.#phase.name !== 'refused') return;
    await this.#send({ ...wish, key: this.#surroundings.newKey() }, 0);
  }

  /** The same wish again, with the same key. */
  async sendAgain(): Promise<void> {
    if (this.#phase.name !== 'unsure') return;
    await this.#send(this.#phase.intent, this.#phase.tries);
  }

  /** Takes up the wish of this person that was open when the page was left. */
  restore(oid: string): void {
    const intent = keptIn(this.#surroundings.keeping);
    if (this.#phase.name !== 'idle' || intent?.oid !== oid) return;
    this.#move({ name: 'unsure', intent, tries: 1, error: null });
  }

  /** Looks no further after it, or has taken note of how it ended. */
  leave(): void {
    if (this.#phase.name === 'sending') return;
    this.#surroundings.keeping.removeItem(place);
    this.#move({ name: 'idle' });
  }

  async #send(intent: Intent, earlierTries: number): Promise<void> {
    const { keeping, send } = this.#surroundings;
    const tries = earlierTries + 1;
    // Before it leaves: from then on it may have been carried out.
    keeping.setItem(place, JSON.stringify(intent));
    this.#move({ name: 'sending', intent, tries });
    try {
      const { operationId } = await send(intent);
      this.#end({ name: 'operation', operationId });
    } catch (error) {
      const sent = judge(error, earlierTries > 0);
      if (sent.end === 'unsure') this.#move({ name: 'unsure', intent, tries, error });
      else if (sent.end === 'refused') this.#end({ name: 'refused', error });
      else this.#end({ name: 'operation', operationId: sent.operationId });
    }
  }

  #end(phase: Phase): void {
    this.#surroundings.keeping.removeItem(place);
    this.#move(phase);
  }

  #move(phase: Phase): void {
    this.#phase = phase;
    for (const listener of this.#listeners) listener();
  }
}

function keptIn(keeping: Keeping): Intent | null {
  try {
    const intent: Intent | null = JSON.parse(keeping.getItem(place) ?? 'null');
    return typeof intent?.key === 'string' ? intent : null;
  } catch {
    return null;
  }
}
