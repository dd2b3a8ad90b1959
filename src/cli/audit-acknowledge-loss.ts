import { parseArgs } from 'node:util';
import { primaryConfigFrom } from '../adapters/database/connection-config.ts';
import { acknowledgeLostHistory } from '../adapters/database/lost-history.ts';
import { secretFrom } from '../adapters/files/followed-secret.ts';
import { loadDatabaseSettings } from '../settings/settings.ts';
import { operatorNamed } from './program/operator.ts';
import { runProgram } from './program/run-program.ts';
import { withClient } from './program/with-client.ts';

/** `audit-acknowledge-loss --tenant ID --by WHO --reason TEXT`: lets disconnects go on in a tenant whose audit trail
 *  has lost events, and puts the loss on the record. Needs DATABASE_ADMIN_URL. Exits 0 when done, 1 when it failed
 *  or nothing is lost, 2 for a call it does not understand. */

const usage = `Usage: audit-acknowledge-loss --tenant ID --by WHO --reason TEXT
  --tenant  the tenant whose events are lost ("none": events that belong to no tenant)
  --by      who acknowledges it; it goes on the record
  --reason  what was found, and where it is written down; it goes on the record
Before: docs/runbooks/audit-history-lost.md.`;

type Command = { tenant: string; by: string; reason: string };

await runProgram({ usage, parse, main, failed: (message) => `It could not be done: ${message}` });

async function main({ tenant, by, reason }: Command): Promise<number> {
  const { url, adminUrl } = loadDatabaseSettings();
  return withClient(await primaryConfigFrom(secretFrom(adminUrl ?? url)), async (client) => {
    const tenantId = tenant.toLowerCase();
    const number = await acknowledgeLostHistory(client, { tenantId, by, reason, now: new Date() });
    if (number === null) {
      console.error(`Nothing is known to be lost in ${tenantId}.`);
      return 1;
    }
    console.log(
      `Acknowledged for ${tenantId}: events up to ${number} had been on record. Disconnects go on.`,
    );
    return 0;
  });
}

function parse(args: string[]): Command | null {
  const { values } = parseArgs({
    args,
    options: { tenant: { type: 'string' }, by: { type: 'string' }, reason: { type: 'string' } },
  });
  const { tenant = '', reason = '' } = values;
  const by = operatorNamed(values.by);
  return tenant === '' || by === null || reason === '' ? null : { tenant, by, reason };
}
