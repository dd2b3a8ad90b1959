/** Why the demo cannot go on, in one sentence. `details` are lines that help to see why. */
export class DemoFailure extends Error {
  readonly details: readonly string[];

  constructor(sentence: string, details: readonly string[] = []) {
    super(sentence);
    this.name = 'DemoFailure';
    this.details = details;
  }
}
