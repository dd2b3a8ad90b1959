import { readFileSync } from 'node:fs';
import { makeCheckpoints } from '../adapters/database/checkpoints.ts';
import type { Database } from '../adapters/database/database.ts';
import { createSignInQueue } from '../adapters/database/sign-in-queue.ts';
import type { Logs } from '../adapters/telemetry/logger.ts';
import type { Metrics } from '../adapters/telemetry/metrics.ts';
import { type SignedStatement, type Signer, signerFrom } from '../audit-verification/format/statement.ts';
import type { AuditTrail } from '../core/ports.ts';
import type { Check } from '../http/management-app.ts';
import type { Settings } from '../settings/settings.ts';
import { repeat } from './background.ts';

/** The part of the wiring that makes the trail provable: signed checkpoints at the start, regularly and at
 *  a clean stop, in the database and on stdout. Throws where the signing key can't be used. */
export function composeAudit(
  { audit: settings }: Settings,
  database: Database,
  trail: AuditTrail,
  metrics: Metrics,
  { log, checkpoint: printCheckpoint }: Logs,
) {
  const signer = settings.signingKeyFile === null ? null : readSigner(settings.signingKeyFile);
  metrics.auditSigned.set(signer === null ? 0 : 1);

  // Beyond our reach once a log platform has it: whoever cuts the database's tail can't cut this.
  const onCheckpoint = ({ statement, text, signature }: SignedStatement) => {
    metrics.auditCheckpoint.set(Date.parse(statement.time) / 1000);
    printCheckpoint({ statement: text, signature: signature?.toString('base64') ?? null });
  };
  const checkpoint = async () => {
    try {
      await makeCheckpoints({ database, signer, clock: Date.now, onCheckpoint });
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
    check: (): Check =>
      signer === null
        ? { name: 'audit signature', warning: 'no AUDIT_SIGNING_KEY_FILE: checkpoints are unsigned' }
        : { name: 'audit signature' },
    start: checkpoints.start,
    close: async () => {
      await checkpoints.stop();
      await signIns.drain();
      await checkpoint();
    },
  };
}

function readSigner(file: string): Signer {
  try {
    return signerFrom(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'not a key';
    throw new Error(`AUDIT_SIGNING_KEY_FILE is not a readable Ed25519 private key in PKCS#8 PEM: ${why}`);
  }
}
