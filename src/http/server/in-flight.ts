import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { whenOver } from './over.ts';

/** Requests that are not over (`over.ts`). */
export class InFlight {
  // Not a Set: V8 makes a new table when enough entries came and went, and the previous table keeps all it held, and
  // to the tables after it, until the next full collection. That was a third of the memory at full load.
  readonly #places: (ServerResponse | null)[] = [];
  readonly #free: number[] = [];
  // When each came, by its place.
  readonly #turns: number[] = [];
  #turn = 0;
  readonly #answeredEarly = new WeakMap<Socket, IncomingMessage>();
  #closing = false;
  #onSettled: (() => void) | null = null;

  /** Must be called with each request before anything answers it. */
  readonly listener: RequestListener = (_request, response) => {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = response;
    this.#turns[place] = ++this.#turn;
    if (this.#closing) this.closeAfterwards(response.req.socket);
    whenOver(response, () => {
      if (this.#places[place] !== response) return;
      this.#places[place] = null;
      if (!response.req.complete) this.#answeredEarly.set(response.req.socket, response.req);
      this.#free.push(place);
      if (this.size === 0) this.#onSettled?.();
    });
  };

  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** The connections that requests are under way on. */
  sockets(): Set<Socket> {
    return new Set(this.#places.flatMap((response) => response?.req.socket ?? []));
  }

  /** The requests under way on a connection, in their order. */
  on(socket: Socket): ServerResponse[] {
    return this.#places
      .map((response, place) => ({ response, turn: this.#turns[place] ?? 0 }))
      .filter(({ response }) => response?.req.socket === socket)
      .sort((one, other) => one.turn - other.turn)
      .flatMap(({ response }) => response ?? []);
  }

  /** Whether what a connection is bringing belongs to a request that has had its answer. */
  answeredEarly(socket: Socket): boolean {
    return this.#answeredEarly.get(socket)?.complete === false;
  }

  /** Has the last answer under way on a connection say that the connection closes after it. Those before it
   *  must not: it would close too early for the others. */
  closeAfterwards(socket: Socket): void {
    const underWay = this.on(socket).filter(({ headersSent }) => !headersSent);
    const last = underWay.pop();
    for (const earlier of underWay) earlier.removeHeader('connection');
    last?.setHeader('connection', 'close');
  }

  /** From now on every connection closes after its answer, so that callers and gateways take their next call
   *  elsewhere. */
  closeConnections(): void {
    this.#closing = true;
    for (const socket of this.sockets()) this.closeAfterwards(socket);
  }

  /** Resolves when none is left. */
  settled(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSettled = resolve;
    });
  }
}
