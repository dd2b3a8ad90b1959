import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { Checkpointer, type Contradiction, contradictionReasons } from '../adapters/database/checkpoints.ts';
import type { Database } from '../adapters/database/database.ts';
import type { NotificationQueue } from '../adapters/database/notification-queue.ts';
import { createSignInQueue } from '../adapters/database/sign-in-queue.ts';
import { FollowedFile, UnusableFile } from '../adapters/files/followed-file.ts';
import type { Logs } from '../adapters/telemetry/logger.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import {
  type SignedStatement,
  type Signer,
  signerFrom,
  type Verifier,
  verifiersFrom,
} from '../audit-verification/format/statement.ts';
import type { AuditTrail } from '../core/ports.ts';
import type { Check } from '../http/management-app.ts';
import type { Settings } from '../settings/settings.ts';
import { repeat } from './background.ts';

/** The keys of the trail: the one that signs, and those whose signatures are accepted, by key id. Their files are
 *  read again when they change: the next checkpoint is signed with the new key, and the previous key stays accepted. */
export type AuditKeys = {
  readonly signer: Signer | null;
  readonly verifiers: ReadonlyMap<string, Verifier>;
  /** Why the signing key file's current content is not used; `null` if it is. */
  readonly problem: string | null;
};

/** Reads the keys. Throws if one cannot be used. */
export function readAuditKeys(
  { signingKeyFile, earlierKeysFile }: Settings['audit'],
  log: Logger,
): AuditKeys {
  const signingKey = followKey('AUDIT_SIGNING_KEY_FILE', signingKeyFile, signerFrom, log);
  const earlier = followKey('AUDIT_EARLIER_KEYS_FILE', earlierKeysFile, verifiersFrom, log);
  const verifiers = new Map<string, Verifier>();
  const currentSigner = (): Signer | null => {
    const signer = signingKey?.get() ?? null;
    for (const verifier of earlier?.get()?.values() ?? []) verifiers.set(verifier.keyId, verifier);
    if (signer !== null) verifiers.set(signer.keyId, signer.verifier);
    return signer;
  };
  currentSigner();
  return {
    get signer() {
      return currentSigner();
    },
    verifiers,
    get problem() {
      currentSigner();
      return signingKey?.problem ?? null;
    },
  };
}

/** The part of the wiring that makes the trail provable: signed checkpoints at the start, regularly and at
 *  a clean stop, in the database and on stdout. Throws if the signing key cannot be used. */
export function composeAudit(
  { audit: settings }: Settings,
  keys: AuditKeys,
  database: Database,
  trail: AuditTrail,
  queue: Pick<NotificationQueue, 'reportContradiction'>,
  metrics: Metrics,
  { log, checkpoint: printCheckpoint }: Logs,
) {
  metrics.auditSigned.set(keys.signer === null ? 0 : 1);

  // Out of our reach once a log platform has it: someone who cuts off the database's tail cannot cut this.
  const onCheckpoint = ({ statement, text, signature }: SignedStatement) => {
    metrics.auditCheckpoint.set(Date.parse(statement.time) / 1000);
    printCheckpoint({ statement: text, signature: signature?.toString('base64') ?? null });
  };
  const checkpointer = new Checkpointer({
    database,
    get signer() {
      return keys.signer;
    },
    verifiers: keys.verifiers,
    clock: Date.now,
    lateMs: settings.lateMs,
    onCheckpoint,
  });
  let contradictions: readonly Contradiction[] = [];
  const onContradictions = (found: readonly Contradiction[]) => {
    for (const { chain, reason, message } of found) {
      if (contradictions.some((known) => known.chain === chain && known.message === message)) continue;
      log.error(
        { chain, reason, problem: message },
        'an audit chain contradicts what was signed: it is not signed',
      );
    }
    contradictions = found;
    for (const reason of contradictionReasons) {
      metrics.auditContradicted.set({ reason }, found.filter((one) => one.reason === reason).length);
    }
  };
  const checkpoint = async () => {
    try {
      onContradictions(await checkpointer.makeAll());
    } catch (error) {
      metrics.auditCheckpointFailures.inc();
      log.warn({ error }, 'the audit chains could not be checkpointed');
    }
  };
  const report = async () => {
    try {
      for (const one of contradictions) await queue.reportContradiction(one);
    } catch (error) {
      log.warn({ error }, 'receivers could not be told that an audit chain contradicts what was signed');
    }
  };
  const checkpoints = repeat(settings.checkpointMs, async () => {
    await checkpoint();
    await report();
  });

  const signIns = createSignInQueue(trail, {
    size: settings.rejectedSignIns,
    limits: settings.rejectedSignInsPerMinute,
    newId: randomUUID,
    onDropped: (reason) => metrics.auditRejectedSignInsDropped.inc({ reason }),
  });

  return {
    rejectedSignIn: signIns.offer,
    /** Whether the chain is known to contradict what was signed. */
    contradicts: (chain: string) => contradictions.some((one) => one.chain === chain),
    checks: (): Check[] => [
      signatureCheck(keys),
      contradictions.length === 0
        ? { name: 'audit trail' }
        : {
            name: 'audit trail',
            warning: contradictions
              .map(({ chain, message }) => `${chain} is not signed: ${message}`)
              .join('; '),
          },
    ],
    start: checkpoints.start,
    close: async () => {
      await checkpoints.stop();
      await signIns.drain();
      await checkpoint();
    },
  };
}

function signatureCheck({ signer, problem }: AuditKeys): Check {
  const name = 'audit signature';
  if (signer === null) return { name, warning: 'no AUDIT_SIGNING_KEY_FILE: checkpoints are unsigned' };
  return problem === null
    ? { name }
    : { name, warning: `using the previous key: AUDIT_SIGNING_KEY_FILE ${problem}` };
}

function followKey<Key>(
  variable: string,
  path: string | null,
  from: (pem: string) => Key,
  log: Logger,
): FollowedFile<Key> | null {
  if (path === null) return null;
  const file = new FollowedFile({
    paths: [path],
    parse: ([pem]) => keyIn(String(pem), from),
    onProblem: (problem) =>
      log.warn({ problem: `${variable} ${problem}` }, 'a key of the audit trail is not usable'),
  });
  if (file.get() === null) throw new Error(`${variable} ${file.problem}`);
  return file;
}

function keyIn<Key>(pem: string, from: (pem: string) => Key): Key {
  try {
    return from(pem);
  } catch {
    throw new UnusableFile('does not hold an Ed25519 key in PEM');
  }
}
