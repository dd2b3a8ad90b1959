import type { AccessRules } from './access.ts';
import type { AuditEvent } from './audit/audit-event.ts';
import type { PolicyOf } from './operation/policy.ts';
import type {
  AuditTrail,
  Backlog,
  Clock,
  Connector,
  Identity,
  NewId,
  Operations,
  Pause,
  RecordedReads,
} from './ports.ts';

/** What the use cases need from outside the core. */
export type Dependencies = {
  readonly access: AccessRules;
  readonly identity: Identity;
  readonly connector: Connector;
  readonly audit: AuditTrail;
  readonly reads: RecordedReads;
  /** Takes a rejected sign-in for the record. It never fails; under attack it may drop some. */
  readonly rejectedSignIn: (event: AuditEvent) => void;
  /** Whether people's names are recorded besides their object ids. */
  readonly keepNames: boolean;
  readonly operations: Operations;
  readonly backlog: Backlog;
  readonly policyOf: PolicyOf;
  readonly timing: Timing;
  readonly pause: Pause;
  /** Whether the process is about to end: a call that only waits is answered now. */
  readonly stopping: () => boolean;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly clock: Clock;
  /** A monotonic clock in milliseconds (`performance.now`), for durations and deadlines. */
  readonly monotonic: Clock;
  readonly newId: NewId;
};

/** How long things may take, in milliseconds. */
export type Timing = {
  /** One request to Graph. */
  readonly graphTimeoutMs: number;
  /** One write to the record. */
  readonly recordMs: number;
  /** The whole answer to a call, from its arrival on. */
  readonly answerMs: number;
  /** For how long a sender holds the slot. */
  readonly leaseMs: number;
  /** A connection that is still there this long after sending was not disconnected. */
  readonly settleAfterMs: number;
  /** For how long an operation can be approved and executed. */
  readonly approvalMs: number;
  /** How often Graph is read for one operation, for all callers together. */
  readonly watchEveryMs: number;
};
