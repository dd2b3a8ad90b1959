/** A call that waits for the person to sign in. `claims` is what the sign-in must prove; `null`: nothing in
 *  particular. */
export type Question = { readonly claims: string | null };

/** Has the person asked to sign in, once for all calls that need it at the same time. */
export class Asking {
  readonly #show: (question: Question | null) => void;
  #answer: PromiseWithResolvers<void> | null = null;

  constructor(show: (question: Question | null) => void) {
    this.#show = show;
  }

  /** Resolves when the person has signed in; fails where they will not. */
  ask(claims: string | null): Promise<void> {
    if (this.#answer === null) {
      this.#answer = Promise.withResolvers<void>();
      this.#show({ claims });
    }
    return this.#answer.promise;
  }

  signedIn(): void {
    this.#answer?.resolve();
    this.#done();
  }

  refused(): void {
    this.#answer?.reject(new Error('The person cancelled.'));
    this.#done();
  }

  #done(): void {
    this.#answer = null;
    this.#show(null);
  }
}
