import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { recordAuditEvents } from '../../../src/adapters/database/statements/record-audit-events.ts';
import type { Bench } from '../bench.ts';
import { median } from '../statistics.ts';
import { ids } from '../tokens.ts';

/** How long one append's statement takes, its commit apart, in milliseconds: among the first and among the last. */
export type HorizonMeasured = { readonly first: number; readonly last: number; readonly commits: number };

/** Appends one event after the other to one chain while a transaction elsewhere, as a backup's or a forgotten `psql`'s,
 *  keeps every version of every row. */
export async function measureHorizon(bench: Bench, commits: number): Promise<HorizonMeasured> {
  const database = await bench.createDatabase();
  const holder = await database.connect();
  const writer = await database.connect();
  try {
    await holder.query('begin isolation level repeatable read');
    await holder.query('select from audit_chains');
    const times: number[] = [];
    for (let done = 0; done < commits; done += 1) {
      if (done % 4000 === 0) bench.say(`${done} of ${commits} commits under a held horizon`);
      times.push(await append(writer));
    }
    // The first ones of all find nothing in memory and no plan.
    const share = Math.ceil(commits / 12);
    return {
      first: median(times.slice(share / 2, 1.5 * share)),
      last: median(times.slice(-share)),
      commits,
    };
  } finally {
    await holder.end();
    await writer.end();
  }
}

async function append(writer: pg.Client): Promise<number> {
  await writer.query('begin');
  const begun = performance.now();
  await writer.query({ ...recordAuditEvents, values: [JSON.stringify([readEvent()]), 1500] });
  const took = performance.now() - begun;
  await writer.query('commit');
  return took;
}

function readEvent() {
  const id = randomUUID();
  return {
    action: 'read_connection',
    actor: {
      clientId: ids.portalId,
      kind: 'user',
      name: 'ada.admin@contoso.example',
      oid: id,
      tenantId: ids.homeTenant,
    },
    event: 'read',
    id,
    operationId: null,
    requestId: id,
    result: 'succeeded',
    tenantId: ids.homeTenant,
    time: new Date().toISOString(),
  };
}
