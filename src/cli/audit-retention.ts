import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { primaryConfigFrom } from '../adapters/database/connection-config.ts';
import { applyRetention } from '../adapters/database/retention.ts';
import { secretFrom } from '../adapters/files/followed-secret.ts';
import { signerFrom, verifierFrom } from '../audit-verification/format/statement.ts';
import { loadRetentionSettings } from '../settings/settings.ts';
import { operatorNamed } from './program/operator.ts';
import { runProgram } from './program/run-program.ts';
import { withClient } from './program/with-client.ts';

/** `audit-retention --before DATE [--tenant ID] [--public-key FILE…] [--by WHO --yes]`: removes the oldest part of
 *  audit chains and leaves a signed statement of it. Needs DATABASE_ADMIN_URL and AUDIT_SIGNING_KEY_FILE.
 *  Without --yes it only says what it would remove. Exits 0 when done, 1 when it failed, 2 for a call it
 *  does not understand. */

const usage = `Usage: audit-retention --before DATE [--tenant ID] [--public-key FILE…] [--by WHO --yes]
  --before      events of before this may go: 2026-01-31, or 2026-01-31T00:00:00Z
  --tenant      one tenant's chain, or "none" for what belongs to no tenant; default: all chains
  --public-key  earlier keys (SPKI PEM), whose checkpoints count as well as the present key's
  --by          who removes it; it goes on the record
  --yes         does it, and needs --by; without, it only says what it would remove
A chain is cut at a signed checkpoint, so somewhat more than what is asked for may stay.`;

type Command = { before: Date; tenant: string | null; keyFiles: string[]; by: string | null; yes: boolean };

await runProgram({ usage, parse, main, failed: (words) => `It could not be done: ${words}` });

async function main({ before, tenant, keyFiles, by, yes }: Command): Promise<number> {
  const { adminUrl, signingKeyFile } = loadRetentionSettings();
  const pem = readFileSync(signingKeyFile, 'utf8');
  const signer = signerFrom(pem);
  const own = createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
  const verifiers = [own, ...keyFiles.map((file) => readFileSync(file, 'utf8'))].map(verifierFrom);
  return withClient(await primaryConfigFrom(secretFrom(adminUrl)), async (client) => {
    let chains = 0;
    await applyRetention(
      client,
      {
        before,
        chain: tenant,
        signer,
        verifiers: new Map(verifiers.map((verifier) => [verifier.keyId, verifier])),
        by: by ?? 'nobody',
        now: new Date(),
        remove: yes,
      },
      ({ chain, from, to, newest }) => {
        chains += 1;
        console.log(
          `${chain}: events ${from} to ${to} (the newest of ${newest.toISOString()}) ${yes ? 'were removed' : 'would be removed'}.`,
        );
      },
    );
    if (chains === 0) console.log('Nothing to remove: no signed checkpoint has only older events before it.');
    else if (!yes) console.log('Nothing was removed. Say --yes to do it.');
    return 0;
  });
}

function parse(args: string[]): Command | null {
  try {
    const { values } = parseArgs({
      args,
      options: {
        before: { type: 'string' },
        tenant: { type: 'string' },
        'public-key': { type: 'string', multiple: true, default: [] },
        by: { type: 'string' },
        yes: { type: 'boolean', default: false },
      },
    });
    const tenant = values.tenant?.toLowerCase() ?? null;
    if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(values.before ?? ''))
      return null;
    const before = new Date(values.before ?? '');
    // What must be kept is never newer than now.
    if (Number.isNaN(before.getTime()) || before.getTime() > Date.now()) return null;
    if (tenant !== null && tenant !== 'none' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(tenant)) {
      return null;
    }
    const by = operatorNamed(values.by);
    if (values.yes && by === null) return null;
    return { before, tenant, keyFiles: values['public-key'], by, yes: values.yes };
  } catch {
    return null;
  }
}
