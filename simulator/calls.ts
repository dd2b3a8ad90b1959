import type { JsonObject } from './jwt.ts';

/** What can be called, observed and made to fail. */
export const endpoints = [
  'metadata',
  'keys',
  'token',
  'list',
  'get',
  'disconnect',
  'auditEvents',
  'approvalRequests',
] as const;
export type Endpoint = (typeof endpoints)[number];

/** One request received by the Entra or the Graph face. */
export type Call = {
  /** 'unknown' for a path or method neither face serves. */
  endpoint: Endpoint | 'unknown';
  method: string;
  /** With the query string. */
  path: string;
  /** Lower-case names; a header sent twice is joined with ', '. */
  headers: Record<string, string>;
  rawHeaders: string[];
  body: string;
  /** Milliseconds, by the simulator's clock. */
  at: number;
  /** Entra: from the path. Graph: from the verified token. */
  tenantId?: string;
  /** The verified claims of the Graph token. */
  claims?: JsonObject;
};

export type CallListener = (call: Call) => void | Promise<void>;

// Enough for a load test to check afterwards, few enough not to matter for memory.
const keptCalls = 10_000;

/** The last calls, oldest first, and the listeners called before each is acted on, or once it is
 *  and its answer is about to go out. */
export class CallLog {
  readonly calls: Call[] = [];
  readonly #listeners = new Set<CallListener>();
  readonly #answerListeners = new Set<CallListener>();

  async record(call: Call): Promise<void> {
    this.calls.push(call);
    if (this.calls.length > keptCalls) this.calls.shift();
    for (const listener of this.#listeners) await listener(call);
  }

  async answered(call: Call): Promise<void> {
    for (const listener of this.#answerListeners) await listener(call);
  }

  listen(listener: CallListener): () => void {
    return listenIn(this.#listeners, listener);
  }

  listenToAnswers(listener: CallListener): () => void {
    return listenIn(this.#answerListeners, listener);
  }

  clear(): void {
    this.calls.length = 0;
  }
}

function listenIn(listeners: Set<CallListener>, listener: CallListener): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
