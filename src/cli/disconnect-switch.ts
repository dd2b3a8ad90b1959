import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Database } from '../adapters/database/database.ts';
import { readSwitches, writeSwitch } from '../adapters/database/disconnect-switch.ts';
import { hasControlCharacters, printable } from '../core/text.ts';
import { loadDatabaseSettings } from '../settings/settings.ts';
import { operatorNamed } from './program/operator.ts';
import { runProgram } from './program/run-program.ts';
import { isTenantId } from './program/tenant-id.ts';
import { withDatabase } from './program/with-database.ts';

/** `disconnect-switch on|off|status [--tenant ID] --by WHO --reason "…"`: turns disconnecting off or on again, for
 *  one tenant or for all. Every replica obeys at its next call; each change is an audit event. Needs
 *  DATABASE_URL. Exits 0 when done, 1 when it failed, 2 for a call it does not understand. */

const usage = `Usage: disconnect-switch on|off|status [--tenant ID] [--by WHO] [--reason "…"]
  off     disconnecting is refused, with the reason given
  on      disconnecting is allowed again
  status  what is switched off, since when, by whom and why
Without --tenant it is about all tenants. on and off need --by and --reason; both go on the record,
with the system's user and the host (the pod) it was done from.`;

await runProgram({ usage, parse, main, failed: (message) => `It could not be done: ${message}` });

async function main(command: Command): Promise<number> {
  if (command.verb !== 'status' && (!command.reason.isWellFormed() || hasControlCharacters(command.reason))) {
    console.error('The reason must not have control characters, tab and line feed apart.');
    return 2;
  }
  await withDatabase(loadDatabaseSettings().url, (database) =>
    command.verb === 'status' ? showStatus(database, command.tenantId) : change(database, command),
  );
  return 0;
}

type Command =
  | { verb: 'status'; tenantId: string | null }
  | { verb: 'on' | 'off'; tenantId: string | null; by: string; reason: string };

function parse(args: string[]): Command | null {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { tenant: { type: 'string' }, by: { type: 'string' }, reason: { type: 'string' } },
  });
  const [verb] = positionals;
  const tenantId = values.tenant?.toLowerCase() ?? null;
  if (positionals.length !== 1) return null;
  if (tenantId !== null && !isTenantId(tenantId)) return null;
  if (verb === 'status') return { verb, tenantId };
  const reason = values.reason?.trim() ?? '';
  const by = operatorNamed(values.by);
  if ((verb !== 'on' && verb !== 'off') || by === null) return null;
  return reason === '' || reason.length > 500 ? null : { verb, tenantId, by, reason };
}

async function change(
  database: Database,
  { verb, tenantId, by, reason }: Extract<Command, { reason: string }>,
): Promise<void> {
  await writeSwitch(database, {
    id: randomUUID(),
    tenantId,
    enabled: verb === 'on',
    reason,
    by,
    at: new Date(),
  });
  console.log(`Disconnecting is ${verb} for ${tenantId ?? 'all tenants'}: ${reason}`);
}

async function showStatus(database: Database, tenantId: string | null): Promise<void> {
  const switches = await readSwitches(database, tenantId);
  const off = switches.filter(({ enabled }) => !enabled);
  if (off.length === 0) console.log('Disconnecting is on.');
  for (const { tenantId: whose, reason, by, at } of off) {
    const since = at.toISOString();
    console.log(
      printable(`Disconnecting is off for ${whose ?? 'all tenants'} since ${since}, by ${by}: ${reason}`),
    );
  }
}
