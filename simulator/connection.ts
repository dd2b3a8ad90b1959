import { randomUUID } from 'node:crypto';

/** Intune's ChromeOS connection of one tenant, as Graph shows it. */
export type Connection = {
  id: string;
  ownerUserPrincipalName: string;
  onboardingStatus: string;
  lastModifiedDateTime: string;
  lastDirectorySyncDateTime: string;
};

/** One disconnect that really happened. */
export type Act = {
  tenantId: string;
  at: number;
  oid: string;
  clientRequestId?: string;
  /** With what; the service where it is not said. */
  application?: string;
};

export type SequenceOptions = {
  /** Milliseconds a step lasts. Unset: each list read advances one step. */
  everyMs?: number;
};

/** The first step is what disconnect answers, the others what later reads list; 'gone' is an empty
 *  collection and the last step stays. Microsoft documents no sequence: this one is a guess. */
const defaultSequence: readonly string[] = ['inprogress', 'offboarding', 'gone'];

/** One tenant's connection and its place in its sequence. */
export class ConnectionState {
  readonly acts: Act[] = [];
  readonly #tenantId: string;
  readonly #now: () => number;
  readonly #initial: Connection;
  #connection: Connection | null;
  #sequence: readonly string[] = defaultSequence;
  #everyMs: number | undefined;
  #startedAt: number | undefined;
  #reads = 0;

  constructor(tenantId: string, initial: Connection, now: () => number) {
    this.#tenantId = tenantId;
    this.#initial = initial;
    this.#connection = { ...initial };
    this.#now = now;
  }

  /** Puts a connection there, or takes it away. Whatever a disconnect had set moving is forgotten. */
  set(connection: Partial<Connection> | null): void {
    this.#connection = connection && { ...this.#initial, ...connection };
    this.#startedAt = undefined;
    this.#reads = 0;
  }

  setSequence(steps: readonly string[], options: SequenceOptions = {}): void {
    if (steps.length === 0) {
      throw new Error('A sequence needs at least one step: what disconnect answers.');
    }
    this.#sequence = [...steps];
    this.#everyMs = options.everyMs;
  }

  get sequence(): { steps: string[]; everyMs?: number } {
    return { steps: [...this.#sequence], ...(this.#everyMs === undefined ? {} : { everyMs: this.#everyMs }) };
  }

  reset(): void {
    this.set({});
    this.#sequence = defaultSequence;
    this.#everyMs = undefined;
    this.acts.length = 0;
  }

  /** The current connection; looking does not move it. */
  peek(): Connection | null {
    if (!this.#connection || this.#startedAt === undefined) return this.#connection;
    const status = this.#sequence[this.#step()];
    if (status === 'gone') return null;
    return { ...this.#connection, onboardingStatus: status ?? this.#connection.onboardingStatus };
  }

  /** A list read: after a disconnect each one moves the connection a step on. */
  read(): Connection | null {
    if (this.#startedAt !== undefined) this.#reads += 1;
    return this.peek();
  }

  /** Disconnects. Returns what Graph answers; undefined when there is nothing to disconnect. A second
   *  act while the first is under way does not start the sequence again. */
  disconnect(by: Omit<Act, 'tenantId' | 'at'>): string | undefined {
    if (!this.#connection || this.peek() === null) return undefined;
    const underWay = this.#startedAt !== undefined && this.#step() < this.#sequence.length - 1;
    if (!underWay) {
      this.#startedAt = this.#now();
      this.#reads = 0;
    }
    this.#connection.lastModifiedDateTime = new Date(this.#now()).toISOString();
    this.acts.push({ tenantId: this.#tenantId, at: this.#now(), ...by });
    return this.#sequence[0];
  }

  /** Disconnects without the service. Returns what Graph answers, and the id that Intune has for the call; undefined
   *  when there is nothing to disconnect. */
  disconnectInAdminCenter(oid: string): { value: string; clientRequestId: string } | undefined {
    const clientRequestId = randomUUID();
    const value = this.disconnect({ oid, clientRequestId, application: 'Microsoft Intune admin center' });
    return value === undefined ? undefined : { value, clientRequestId };
  }

  #step(): number {
    const last = this.#sequence.length - 1;
    if (this.#everyMs === undefined) {
      // Until the first read after the act, `peek` shows what that read is going to list.
      return Math.min(Math.max(this.#reads, 1), last);
    }
    return Math.min(1 + Math.floor((this.#now() - (this.#startedAt ?? 0)) / this.#everyMs), last);
  }
}
