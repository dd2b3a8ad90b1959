import type { Clock } from '../../core/ports.ts';
import { firstRow } from './first-row.ts';
import type { Pool } from './pool.ts';
import { databaseTime } from './statements/database-time.ts';

/** How far this machine's clock is ahead of the database's (behind, where negative), in milliseconds, as far as
 *  that is certain: what the question may have been on its way counts in the clock's favour. `null` where the
 *  database does not answer. */
export async function clockOffsetMs(pool: Pool, timeoutMs: number, clock: Clock): Promise<number | null> {
  try {
    return await pool.withClient(timeoutMs, async (client) => {
      const askedAt = clock();
      const { rows } = await client.query<{ ms: string }>(databaseTime.text);
      const answeredAt = clock();
      const theirs = Number(firstRow(rows).ms);
      return Math.max(0, askedAt - theirs) + Math.min(0, answeredAt - theirs);
    });
  } catch {
    return null;
  }
}
