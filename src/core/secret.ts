import { inspect } from 'node:util';

/** A token, assertion or client secret that refuses to become a string by accident: printing,
 *  serializing or inspecting it yields `[redacted]`. Only `reveal()` returns the value, and only an
 *  adapter that must send it calls that. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}
