import { createReadStream } from 'node:fs';
import type { Logger } from 'pino';
import type { KnownHistory } from '../adapters/database/known-history.ts';
import type { Verifier } from '../audit-verification/format/statement.ts';
import { readOutsideCheckpoints } from '../audit-verification/outside-checkpoints.ts';

/** Tells a new process what the trail must contain at least: the latest checkpoint of each chain that was kept where
 *  no restore of the database reaches it. A file that cannot be used is logged, and then nothing is known. */
export async function expectOutsideCheckpoints(
  file: string | null,
  history: KnownHistory,
  verifiers: ReadonlyMap<string, Verifier>,
  log: Logger,
): Promise<void> {
  if (file === null) return;
  try {
    const { checkpoints, unproven } = await readOutsideCheckpoints([createReadStream(file)], verifiers);
    if (unproven > 0) {
      log.warn({ unproven }, 'checkpoints in AUDIT_OUTSIDE_CHECKPOINTS_FILE are not signed by a known key');
    }
    for (const ofChain of checkpoints.values()) {
      const latest = ofChain.at(-1);
      if (latest !== undefined) history.expect(latest);
    }
  } catch (error) {
    log.warn({ error }, 'the checkpoints in AUDIT_OUTSIDE_CHECKPOINTS_FILE are not usable');
  }
}
