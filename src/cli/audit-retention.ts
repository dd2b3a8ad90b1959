import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { primaryConfigFrom } from '../adapters/database/connection-config.ts';
import { applyRetention } from '../adapters/database/retention.ts';
import { secretFrom } from '../adapters/files/followed-secret.ts';
import { signerFrom, verifiersFrom } from '../audit-verification/format/statement.ts';
import { loadRetentionSettings, loadSigningSettings } from '../settings/settings.ts';
import { operatorNamed } from './program/operator.ts';
import { runProgram } from './program/run-program.ts';
import { isTenantId } from './program/tenant-id.ts';
import { withClient } from './program/with-client.ts';

/** `audit-retention --before DATE|--older-than DAYSd [--tenant ID] [--public-key FILE…] [--by WHO --yes]`: removes the
 *  oldest part of audit chains and leaves a signed statement of it. Needs DATABASE_ADMIN_URL and AUDIT_SIGNING_KEY_FILE.
 *  Without --yes it only says what it would remove; then a role that may read and public keys are enough. Exits 0 when done, 1 when it failed, 2 for a call it
 *  does not understand. */

const usage = `Usage: audit-retention --before DATE|--older-than DAYSd [--tenant ID] [--public-key FILE…] [--by WHO --yes]
  --before      events of before this may go: 2026-01-31, or 2026-01-31T00:00:00Z
  --older-than  or those that are older than so many days: 3650d
  --tenant      one tenant's chain, or "none" for what belongs to no tenant; default: all chains
  --public-key  earlier keys (SPKI PEM), whose checkpoints count as well as the present key's
  --by          who removes it; it goes on the record
  --yes         does it, and needs --by; without, it only says what it would remove
A chain is cut at a signed checkpoint, so somewhat more than what is asked for may stay.`;

type Command = { before: Date; tenant: string | null; keyFiles: string[]; by: string | null; yes: boolean };

await runProgram({ usage, parse, main, failed: (message) => `It could not be done: ${message}` });

async function main({ before, tenant, keyFiles, by, yes }: Command): Promise<number> {
  const onlyLooks = !yes && keyFiles.length > 0;
  const { adminUrl, signingKeyFile } = onlyLooks ? loadRetentionSettings() : loadSigningSettings();
  const signer = signingKeyFile === null ? null : signerFrom(readFileSync(signingKeyFile, 'utf8'));
  const earlier = keyFiles.flatMap((file) => [...verifiersFrom(readFileSync(file, 'utf8'))]);
  const verifiers = new Map(earlier);
  if (signer !== null) verifiers.set(signer.keyId, signer.verifier);
  return withClient(await primaryConfigFrom(secretFrom(adminUrl)), async (client) => {
    let chains = 0;
    await applyRetention(
      client,
      {
        before,
        chain: tenant,
        verifiers,
        removal: yes && signer !== null && by !== null ? { signer, by, now: new Date() } : null,
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
  const { values } = parseArgs({
    args,
    options: {
      before: { type: 'string' },
      'older-than': { type: 'string' },
      tenant: { type: 'string' },
      'public-key': { type: 'string', multiple: true, default: [] },
      by: { type: 'string' },
      yes: { type: 'boolean', default: false },
    },
  });
  const tenant = values.tenant?.toLowerCase() ?? null;
  if ((values.before === undefined) === (values['older-than'] === undefined)) return null;
  const before = values.before === undefined ? daysAgo(values['older-than'] ?? '') : dateFrom(values.before);
  // What must be kept is never newer than now.
  if (before === null || before.getTime() > Date.now()) return null;
  if (tenant !== null && tenant !== 'none' && !isTenantId(tenant)) return null;
  const by = operatorNamed(values.by);
  if (values.yes && by === null) return null;
  return { before, tenant, keyFiles: values['public-key'], by, yes: values.yes };
}

function dateFrom(text: string): Date | null {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return null;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}

function daysAgo(text: string): Date | null {
  const [, days] = /^([1-9]\d{0,4})d$/.exec(text) ?? [];
  return days === undefined ? null : new Date(Date.now() - Number(days) * 86_400_000);
}
