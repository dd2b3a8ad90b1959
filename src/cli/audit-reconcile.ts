import { createReadStream } from 'node:fs';
import { parseArgs } from 'node:util';
import { connectionConfigFrom } from '../adapters/database/connection-config.ts';
import { secretFrom } from '../adapters/files/followed-secret.ts';
import { textOf } from '../audit-verification/log-text.ts';
import { printable } from '../audit-verification/printable.ts';
import { actsIn } from '../audit-verification/reconcile/acts.ts';
import { type IntuneEvent, parseIntuneEvents } from '../audit-verification/reconcile/intune-events.ts';
import {
  type Act,
  iso,
  type Reconciliation,
  reconcile,
  reconcileExitCodes,
} from '../audit-verification/reconcile/reconcile.ts';
import { loadDatabaseSettings } from '../settings/settings.ts';
import { runProgram } from './program/run-program.ts';
import { isTenantId } from './program/tenant-id.ts';
import { withClient } from './program/with-client.ts';

/** `audit-reconcile --intune FILE [--tenant ID] [--from TIME] [--to TIME] [--json]`: compares the disconnects in the audit
 *  trail of DATABASE_URL with Intune's own audit log. Exits 0 when both say the same, 1 when it could not check, 2 for a
 *  call it does not understand; docs/audit.md has the other codes. */

const usage = `Usage: audit-reconcile --intune FILE [--tenant ID] [--from TIME] [--to TIME] [--json]
  --intune  what Intune exports: Graph's auditEvents as JSON or NDJSON, or the CSV of the admin center
  --tenant  one tenant's trail; default: all
  --from    what is older is left out: 2026-01-31, or 2026-01-31T00:00:00Z; default: Intune's oldest event
  --to      what is newer is left out; default: Intune's newest event
  --json    the result as one JSON object`;

type Command = { file: string; tenant: string | null; from: number | null; to: number | null; json: boolean };

await runProgram({
  usage,
  parse,
  main,
  failed: (message) => `It could not be compared: ${printable(message)}`,
});

async function main({ file, tenant, from, to, json }: Command): Promise<number> {
  const { url } = loadDatabaseSettings();
  let text = '';
  for await (const piece of textOf(createReadStream(file))) text += piece;
  const events = parseIntuneEvents(text);
  const result = reconcile(await readActs(secretFrom(url), tenant), events, { from, to });
  const [gravest] = (['pastUs', 'notInIntune', 'differences'] as const).filter(
    (kind) => result[kind].length > 0,
  );
  const exitCode = gravest === undefined ? 0 : reconcileExitCodes[gravest];
  if (json) console.log(printable(JSON.stringify({ ok: exitCode === 0, exitCode, ...result })));
  else for (const line of linesOf(result)) console.log(printable(line));
  return exitCode;
}

async function readActs(
  url: Parameters<typeof connectionConfigFrom>[0],
  tenant: string | null,
): Promise<Act[]> {
  return withClient(connectionConfigFrom(url), async (client) => {
    await client.query("set search_path = 'pg_catalog', 'pg_temp'");
    return actsIn(client, tenant);
  });
}

function linesOf({ both, pastUs, notInIntune, differences }: Reconciliation): string[] {
  return [
    `In both: ${both.length}.`,
    ...both.map(
      ({ act, event }) =>
        `  ${iso(event.at)} operation ${act.operationId} (${act.requestId}), ${act.result ?? 'no outcome'}`,
    ),
    `MADE PAST THIS SERVICE: ${pastUs.length}.`,
    ...pastUs.map(
      (event) =>
        `  ${iso(event.at)} by ${whoOf(event)}: ${event.activity} (${event.correlationId ?? 'no correlation id'})`,
    ),
    `Sent by this service, not in Intune: ${notInIntune.length}.`,
    ...notInIntune.map(
      (act) =>
        `  ${iso(act.sentAt)} operation ${act.operationId} (${act.requestId}) by ${act.name ?? act.oid}, ${act.result ?? 'no outcome'}`,
    ),
    `Differences: ${differences.length}.`,
    ...differences.map(({ act, what }) => `  operation ${act.operationId}: ${what}`),
  ];
}

function whoOf({ userName, userId, application }: IntuneEvent): string {
  return `${userName ?? userId ?? 'somebody'}${application === null ? '' : ` with ${application}`}`;
}

function parse(args: string[]): Command | null {
  const { values } = parseArgs({
    args,
    options: {
      intune: { type: 'string' },
      tenant: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const tenant = values.tenant?.toLowerCase() ?? null;
  if (tenant !== null && !isTenantId(tenant)) return null;
  const [from, to] = [values.from, values.to].map((time) => (time === undefined ? null : Date.parse(time)));
  if (values.intune === undefined || Number.isNaN(from) || Number.isNaN(to)) return null;
  return { file: values.intune, tenant, from: from ?? null, to: to ?? null, json: values.json };
}
