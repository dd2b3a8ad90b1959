import { AsyncLocalStorage } from 'node:async_hooks';
import type { OutboundTry } from '../outbound/http-client.ts';

/** One request that left for a call, as the call's log line has it. */
export type LoggedTry =
  | {
      readonly host: string;
      readonly method: string;
      readonly path: string;
      readonly status?: number;
      /** Why there is no answer. */
      readonly error?: string;
      /** It is certain that nothing was sent. */
      readonly unsent?: true;
      readonly ms: number;
      /** What Entra ID (its trace id) or Graph (its request id) calls it; Microsoft's support asks for it. */
      readonly id?: string;
      /** What it was sent as (`client-request-id`), where that is not the call's own id: only an act and its exchange
       *  are known to Microsoft by that one. */
      readonly as?: string;
    }
  /** It waited for the exchange that the call with that request id was making for the same token. */
  | { readonly exchangeOf: string };

/** Collects the outbound requests of each call under way, so that one log line has them all. */
export class OutboundTries {
  // `null` until something leaves: most calls find their token in the cache, many ask nobody.
  readonly #underWay = new Map<string, LoggedTry[] | null>();
  readonly #current = new AsyncLocalStorage<string>();
  readonly #onLate: (requestId: string, late: LoggedTry) => void;

  /** `onLate` is called for a request that ends after its call: an exchange goes on for others. */
  constructor(onLate: (requestId: string, late: LoggedTry) => void) {
    this.#onLate = onLate;
  }

  /** Does `work`, which is all that is done for the call with that request id. */
  within(requestId: string, work: () => void): void {
    this.#underWay.set(requestId, null);
    this.#current.run(requestId, work);
  }

  /** The call that is being worked on. */
  readonly currentCall = (): string | undefined => this.#current.getStore();

  /** Takes note of a request that was made; of what is not made for a call it keeps nothing. */
  readonly onTry = (tried: OutboundTry): void => {
    if (tried.callId !== undefined) this.#note(tried.callId, loggedTry(tried));
  };

  /** Takes note that a call waits for another one's exchange. */
  shares(requestId: string, exchangeOf: string): void {
    this.#note(requestId, { exchangeOf });
  }

  /** What left for a call that is over; `undefined` where nothing did. */
  end(requestId: string): readonly LoggedTry[] | undefined {
    const tries = this.#underWay.get(requestId) ?? undefined;
    this.#underWay.delete(requestId);
    return tries;
  }

  #note(requestId: string, logged: LoggedTry): void {
    const tries = this.#underWay.get(requestId);
    if (tries === undefined) this.#onLate(requestId, logged);
    else if (tries === null) this.#underWay.set(requestId, [logged]);
    else tries.push(logged);
  }
}

function loggedTry({ method, url, headers, answer, failure, durationMs, callId }: OutboundTry): LoggedTry {
  const as = headers['client-request-id'];
  const begin = url.indexOf('/', 'https://'.length);
  const query = url.indexOf('?');
  return {
    host: url.slice('https://'.length, begin),
    method,
    path: url.slice(begin, query === -1 ? undefined : query),
    ...(answer !== null && { status: answer.status }),
    ...(failure !== null && { error: failure.code, ...(!failure.sent && { unsent: true as const }) }),
    ms: Math.round(durationMs * 10) / 10,
    ...idOf(answer?.headers),
    ...(as !== undefined && as !== callId && { as }),
  };
}

// Ids from outside go into the log as they are: nothing else passes.
const idPattern = /^[\w-]{1,64}$/;

function idOf(headers: Readonly<Record<string, string>> | undefined): { id?: string } {
  const id = headers?.['request-id'] ?? headers?.['x-ms-request-id'];
  return id !== undefined && idPattern.test(id) ? { id } : {};
}
