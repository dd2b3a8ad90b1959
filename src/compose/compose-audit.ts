import { readFileSync } from 'node:fs';
import { Checkpointer, type Contradiction, contradictionReasons } from '../adapters/database/checkpoints.ts';
import type { Database } from '../adapters/database/database.ts';
import { createSignInQueue } from '../adapters/database/sign-in-queue.ts';
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

/** The keys of the trail: the one that signs, and those whose signatures are believed, by key id. */
export type AuditKeys = { readonly signer: Signer | null; readonly verifiers: ReadonlyMap<string, Verifier> };

/** Reads the keys. Throws where one can't be used. */
export function readAuditKeys({ signingKeyFile, earlierKeysFile }: Settings['audit']): AuditKeys {
  const signingKey =
    signingKeyFile === null ? null : readKey('AUDIT_SIGNING_KEY_FILE', signingKeyFile, signerFrom);
  const earlier =
    earlierKeysFile === null ? [] : readKey('AUDIT_EARLIER_KEYS_FILE', earlierKeysFile, verifiersFrom);
  const own = signingKey === null ? [] : [signingKey.verifier];
  return {
    signer: signingKey,
    verifiers: new Map([...earlier, ...own.map((key) => [key.keyId, key] as const)]),
  };
}

/** The part of the wiring that makes the trail provable: signed checkpoints at the start, regularly and at
 *  a clean stop, in the database and on stdout. Throws where the signing key can't be used. */
export function composeAudit(
  { audit: settings }: Settings,
  { signer, verifiers }: AuditKeys,
  database: Database,
  trail: AuditTrail,
  metrics: Metrics,
  { log, checkpoint: printCheckpoint }: Logs,
) {
  metrics.auditSigned.set(signer === null ? 0 : 1);

  // Beyond our reach once a log platform has it: whoever cuts the database's tail can't cut this.
  const onCheckpoint = ({ statement, text, signature }: SignedStatement) => {
    metrics.auditCheckpoint.set(Date.parse(statement.time) / 1000);
    printCheckpoint({ statement: text, signature: signature?.toString('base64') ?? null });
  };
  const checkpointer = new Checkpointer({
    database,
    signer,
    verifiers,
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
  const checkpoints = repeat(settings.checkpointMs, checkpoint);

  const signIns = createSignInQueue(trail, settings.rejectedSignIns, (reason) =>
    metrics.auditRejectedSignInsDropped.inc({ reason }),
  );

  return {
    rejectedSignIn: signIns.offer,
    /** Whether the chain is known not to continue what was signed. */
    contradicts: (chain: string) => contradictions.some((one) => one.chain === chain),
    checks: (): Check[] => [
      signer === null
        ? { name: 'audit signature', warning: 'no AUDIT_SIGNING_KEY_FILE: checkpoints are unsigned' }
        : { name: 'audit signature' },
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

function readKey<Key>(name: string, file: string, from: (pem: string) => Key): Key {
  try {
    return from(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'not an Ed25519 key in PEM';
    throw new Error(`${name} cannot be used: ${why}`);
  }
}
