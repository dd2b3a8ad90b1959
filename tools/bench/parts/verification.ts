import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type pg from 'pg';
import { appendEventsOn } from '../../../src/adapters/database/audit-rows.ts';
import type { AuditEvent } from '../../../src/core/audit/audit-event.ts';
import { childEnvironment } from '../../child-environment.ts';
import type { Bench } from '../bench.ts';
import type { BenchDatabase } from '../database.ts';
import { amount } from '../figures.ts';
import type { Part } from '../part.ts';
import { spread } from '../statistics.ts';
import { ids, tenantNumber } from '../tokens.ts';

const run = promisify(execFile);
const batch = 256;
const chains = 10;

/** How fast an operator's `audit:verify` checks a trail, its own start included. */
export const verification: Part = {
  name: 'verification',
  what: 'proving a genuine audit trail with audit-verify',
  async run(bench) {
    const database = await bench.createDatabase();
    const { verifiedEvents: events, repetitions } = bench.scale;
    const written = await writeTrail(bench, database, events);
    const times: number[] = [];
    for (let round = 1; round <= repetitions; round += 1) {
      bench.say(`verifying, round ${round} of ${repetitions}`);
      times.push(await verify(bench, database, events));
    }
    const perSecond = spread(times.map((seconds) => events / seconds));
    return {
      figures: { verification: perSecond.median },
      rows: [
        ['events', 'chains', 'verified a second', '(from to)', 'written a second'],
        [
          amount(events, ''),
          amount(chains, ''),
          amount(Math.round(perSecond.median), ''),
          `${amount(Math.round(perSecond.min), '')} to ${amount(Math.round(perSecond.max), '')}`,
          amount(Math.round(events / written), ''),
        ],
      ],
      data: { events, chains, times, perSecond },
    };
  },
};

async function verify(bench: Bench, database: BenchDatabase, events: number): Promise<number> {
  const begun = performance.now();
  const { stdout } = await run(process.execPath, ['dist/cli/audit-verify.js', '--json'], {
    cwd: bench.serviceFolder,
    env: childEnvironment({ NODE_ENV: 'production', DATABASE_URL: database.url }),
  });
  const seconds = (performance.now() - begun) / 1000;
  const report = JSON.parse(stdout) as { ok: boolean; chains: { length: number }[] };
  const checked = report.chains.reduce((sum, { length }) => sum + length, 0);
  if (!report.ok || checked !== events) throw new Error(`${checked} of ${events} events were verified`);
  return seconds;
}

/** Writes events the way the service does, in as large batches as it ever does. */
async function writeTrail(bench: Bench, database: BenchDatabase, events: number): Promise<number> {
  const client: pg.Client = await database.connect();
  const begun = performance.now();
  try {
    for (let written = 0; written < events; written += batch) {
      const some = Array.from({ length: Math.min(batch, events - written) }, (_, index) =>
        event(tenantNumber(Math.floor((written + index) / batch) % chains)),
      );
      await appendEventsOn(client, some);
      if (written % (batch * 100) === 0) bench.say(`${amount(written, '')} events written`);
    }
  } finally {
    await client.end();
  }
  return (performance.now() - begun) / 1000;
}

function event(tenantId: string): AuditEvent {
  return {
    id: randomUUID(),
    time: new Date().toISOString(),
    event: 'read',
    action: 'read_connection',
    operationId: null,
    tenantId,
    actor: {
      kind: 'user',
      oid: randomUUID(),
      tenantId,
      name: 'ada.admin@contoso.example',
      clientId: ids.portalId,
    },
    source: { address: '203.0.113.7' },
    requestId: randomUUID(),
    graphRequestId: randomUUID(),
    reason: null,
    ticket: null,
    result: 'succeeded',
    value: null,
    failure: null,
    move: null,
    explanation: null,
    connection: null,
    durationMs: 12,
  };
}
