import { appendEvents } from '../../src/adapters/database/audit-rows.ts';
import type { Database } from '../../src/adapters/database/database.ts';
import type { KnownHistory } from '../../src/adapters/database/known-history.ts';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import { type AuditScene, sampleEvent } from './audit.ts';

/** Appends as the service does; gives the chains that look wrong. */
export async function appendKnown(
  database: Database,
  history: KnownHistory,
  chain: string,
  count: number,
): Promise<{ events: AuditEvent[]; suspect: string[] }> {
  const events = Array.from({ length: count }, () => sampleEvent(chain));
  const heads = await database.run((connection) => appendEvents(connection, events, 5000));
  return { events, suspect: history.learn(heads, events) };
}

/** Leaves a chain as a server has it that lacks what came after the event of that number. */
export function cutChainAfter(scene: AuditScene, chain: string, number: number): Promise<void> {
  return scene.attack(
    `delete from audit_events where chain = '${chain}' and number > ${number}`,
    `delete from audit_chains where chain = '${chain}'`,
    `insert into audit_chains select chain, number, link from audit_events where chain = '${chain}' and number = ${number}`,
  );
}
