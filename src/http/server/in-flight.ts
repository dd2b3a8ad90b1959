import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that are not over. One is over when its answer has been made *and* its connection is done
 *  with it: a caller who goes away does not end the work on their call, nor its record. */
export class InFlight {
  // Not a Set: V8 makes one anew when enough came and went, and the table before holds on to all it held, and
  // to the tables after it, until the next full collection. That was a third of the memory at full load.
  readonly #places: (ServerResponse | null)[] = [];
  readonly #free: number[] = [];
  #closing = false;
  #onSettled: (() => void) | null = null;

  /** Must hear of each request before anyone answers it. */
  readonly listener: RequestListener = (_request, response) => {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = response;
    if (this.#closing) response.setHeader('connection', 'close');
    const leave = () => {
      if (this.#places[place] !== response) return;
      this.#places[place] = null;
      this.#free.push(place);
      if (this.size === 0) this.#onSettled?.();
    };
    response.on('close', () => {
      if (response.writableEnded) leave();
      else afterEnd(response, leave);
    });
  };

  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** The connections that requests are under way on. */
  sockets(): Set<Socket> {
    return new Set(this.#places.flatMap((response) => response?.req.socket ?? []));
  }

  /** From now on every answer says that its connection closes after it, so that callers and gateways
   *  take their next call elsewhere. */
  closeConnections(): void {
    this.#closing = true;
    for (const response of this.#places) {
      if (response?.headersSent === false) response.setHeader('connection', 'close');
    }
  }

  /** Resolves when none is left. */
  settled(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSettled = resolve;
    });
  }
}

/** Runs `next` once the answer has been made of a caller who went away before: no event tells that. (An `end`
 *  of each response's own would keep V8 from letting go of it before the next full collection.) */
function afterEnd(response: ServerResponse, next: () => void): void {
  const end = response.end;
  response.end = function (this: ServerResponse, ...given: unknown[]) {
    const returned = Reflect.apply(end, this, given);
    next();
    return returned;
  } as typeof end;
}
