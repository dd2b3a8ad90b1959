import type { AuditEvent } from '../../core/audit/audit-event.ts';

export type SignInLimits = {
  /** How many rejected sign-ins a minute are recorded one by one: of one address, and over all. */
  readonly perAddress: number;
  readonly overAll: number;
};

// Bounds what is remembered of a minute; more addresses than these are counted as that many.
const maxAddresses = 10_000;
const maxCauses = 10;

/** What of a minute was not recorded one by one. */
type Beyond = { count: number; addresses: Set<string>; causes: Map<string, number>; last: AuditEvent };

/** Lets rejected sign-ins through up to a small rate for each address and over all, and sums up the rest. */
export class SignInLimit {
  readonly #limits: SignInLimits;
  readonly #newId: () => string;
  #all = 0;
  #byAddress = new Map<string, number>();
  #beyond: Beyond | null = null;

  constructor(limits: SignInLimits, newId: () => string) {
    this.#limits = limits;
    this.#newId = newId;
  }

  /** Whether the event is to be recorded by itself; if not, it is counted. */
  takes(event: AuditEvent): boolean {
    const { address } = event.source;
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (this.#all < this.#limits.overAll && ofAddress < this.#limits.perAddress) {
      this.#all += 1;
      this.#byAddress.set(address, ofAddress + 1);
      return true;
    }
    this.#beyond ??= { count: 0, addresses: new Set(), causes: new Map(), last: event };
    const { addresses, causes } = this.#beyond;
    this.#beyond.count += 1;
    this.#beyond.last = event;
    if (addresses.size < maxAddresses) addresses.add(address);
    const cause = event.explanation ?? String(event.failure);
    if (causes.has(cause) || causes.size < maxCauses) causes.set(cause, (causes.get(cause) ?? 0) + 1);
    return false;
  }

  /** Begins the next minute; gives one event for all that was not recorded in this one, or `null`. */
  nextMinute(): AuditEvent | null {
    const beyond = this.#beyond;
    this.#all = 0;
    this.#byAddress = new Map();
    this.#beyond = null;
    if (beyond === null) return null;
    const { count, addresses, causes, last } = beyond;
    const from = `${addresses.size}${addresses.size === maxAddresses ? ' or more' : ''}`;
    const why = [...causes]
      .toSorted(([, one], [, other]) => other - one)
      .map(([cause, times]) => `${times} × ${cause}`);
    const named = [...causes.values()].reduce((sum, times) => sum + times, 0);
    if (named < count) why.push(`${count - named} × other causes`);
    const id = this.#newId();
    return {
      ...last,
      id,
      requestId: id,
      source: { address: addresses.size === 1 ? last.source.address : 'several' },
      explanation: `${count} more rejected sign-ins within a minute, from ${from} ${addresses.size === 1 ? 'address' : 'addresses'}: ${why.join('; ')}`,
    };
  }
}
