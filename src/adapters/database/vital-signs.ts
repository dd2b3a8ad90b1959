import pg from 'pg';
import { withClient } from './pool.ts';
import { vitalSigns } from './statements/vital-signs.ts';

/** What the database tells about the work and about itself, for everyone who serves from it: an event
 *  at one replica is seen by all, and still seen after a restart. */
export type VitalSigns = {
  /** Operations that were sent more than two minutes ago and whose outcome is not on the record. */
  readonly attemptsWithoutOutcome: number;
  /** Operations that hold their tenant's slot, by status. */
  readonly open: Readonly<Record<string, number>>;
  /** Whether our role may add audit events here: it has the right, and the database takes writes. */
  readonly mayWriteAudit: boolean;
  /** What our role may do beyond what it needs, in words. */
  readonly excessive: readonly string[];
};

/** `up`: PostgreSQL let us in and answers. `signs` is `null` where it could not tell them, as before the
 *  schema is there. */
export type Look = { readonly up: boolean; readonly signs: VitalSigns | null };

/** Takes the vital signs with one statement. Never rejects. */
export async function lookAtDatabase(pool: pg.Pool, timeoutMs: number): Promise<Look> {
  try {
    const { rows } = await withClient(pool, timeoutMs, (client) => client.query(vitalSigns.text));
    const [row] = rows;
    return {
      up: true,
      signs: {
        attemptsWithoutOutcome: row.attempts_without_outcome,
        open: row.open,
        mayWriteAudit: row.may_write_audit,
        excessive: row.excessive,
      },
    };
  } catch (error) {
    // Class 42: it understood us, but lacks the tables or does not let us read them.
    return { up: error instanceof pg.DatabaseError && /^42/.test(error.code ?? ''), signs: null };
  }
}
