import { type IntuneEvent, isDisconnect } from './intune-events.ts';

/** A disconnect that this service sent, as its trail has it. */
export type Act = {
  readonly operationId: string;
  /** What Graph got as `client-request-id`. */
  readonly requestId: string;
  readonly oid: string;
  readonly name: string | null;
  readonly sentAt: number;
  /** How it ended; `null` where no outcome is on record. */
  readonly result: string | null;
};

export type Reconciliation = {
  readonly both: readonly { readonly act: Act; readonly event: IntuneEvent }[];
  /** Disconnects in Intune that this service did not send. */
  readonly pastUs: readonly IntuneEvent[];
  /** Acts of this service that Intune does not have. Those that Graph refused are not expected there. */
  readonly notInIntune: readonly Act[];
  readonly differences: readonly { readonly act: Act; readonly event: IntuneEvent; readonly what: string }[];
};

/** The codes a program exits with, the gravest first. A public interface. */
export const reconcileExitCodes = { pastUs: 30, notInIntune: 31, differences: 32 } as const;

// How far Intune's time may be from ours: a clock that is off, and an act that took its time.
const toleranceMs = 5 * 60_000;

/** Compares what this service sent with what Intune recorded, by the `correlationId` that is our `client-request-id`. An
 *  event without one (the CSV of the admin center has none) is taken to be an act of the same person within five minutes.
 *  `from` and `to`, in milliseconds since the epoch, bound both sides; by default what Intune's file spans. */
export function reconcile(
  acts: readonly Act[],
  events: readonly IntuneEvent[],
  window: { readonly from: number | null; readonly to: number | null },
): Reconciliation {
  const ours = new Set(acts.map(({ requestId }) => requestId));
  const times = events.map(({ at }) => at);
  const from = window.from ?? Math.min(...times);
  const to = window.to ?? Math.max(...times);
  const within = (at: number) => at >= from && at <= to;
  const disconnects = events.filter(
    (event) => within(event.at) && (isDisconnect(event) || ours.has(String(event.correlationId))),
  );
  const both: { act: Act; event: IntuneEvent }[] = [];
  const pastUs: IntuneEvent[] = [];
  const known = new Set<Act>();
  for (const event of disconnects) {
    const act = acts.find(
      (candidate) => isSame(candidate, event) && (event.correlationId !== null || !known.has(candidate)),
    );
    if (act === undefined) pastUs.push(event);
    else {
      known.add(act);
      both.push({ act, event });
    }
  }
  return {
    both,
    pastUs,
    notInIntune: acts.filter((act) => !known.has(act) && within(act.sentAt) && act.result !== 'failed'),
    differences: both.flatMap(({ act, event }) =>
      differencesOf(act, event).map((what) => ({ act, event, what })),
    ),
  };
}

function isSame(act: Act, event: IntuneEvent): boolean {
  if (event.correlationId !== null) return event.correlationId === act.requestId;
  return Math.abs(event.at - act.sentAt) <= toleranceMs && !isAnother(act, event);
}

function isAnother(act: Act, { userId, userName }: IntuneEvent): boolean {
  if (userId !== null) return userId.toLowerCase() !== act.oid;
  return userName !== null && act.name !== null && userName.toLowerCase() !== act.name.toLowerCase();
}

function differencesOf(act: Act, event: IntuneEvent): string[] {
  const differences: string[] = [];
  if (isAnother(act, event)) {
    differences.push(
      `who: ${event.userId ?? event.userName} in Intune, ${act.oid} (${act.name ?? 'no name'}) here`,
    );
  }
  if (Math.abs(event.at - act.sentAt) > toleranceMs) {
    differences.push(`when: ${iso(event.at)} in Intune, sent at ${iso(act.sentAt)} here`);
  }
  if (event.succeeded === true && act.result === 'failed')
    differences.push('outcome: succeeded in Intune, failed here');
  if (event.succeeded === false && (act.result === 'accepted' || act.result === 'completed')) {
    differences.push(`outcome: failed in Intune, ${act.result} here`);
  }
  return differences;
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}
