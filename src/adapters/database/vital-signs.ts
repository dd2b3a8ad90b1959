import pg from 'pg';
import type { OperationStatus } from '../../core/operation/life.ts';
import { DatabaseTimeout, ReadOnlyServer, readOnlyBecause } from './connection-lost.ts';
import { firstRow } from './first-row.ts';
import type { Pool } from './pool.ts';
import { OtherSchema } from './schema-check.ts';
import { statementsWaiting, vitalSigns } from './statements/vital-signs.ts';

/** What the database tells about the work and about itself, for everyone who serves from it: an event
 *  at one replica is seen by all, and still seen after a restart. */
export type VitalSigns = {
  /** Operations that hold their tenant's slot, by tenant and status. */
  readonly open: readonly OpenOperations[];
  /** Whether our role has the right to add audit events. */
  readonly mayWriteAudit: boolean;
  /** Chains that lack events which somebody had seen acknowledged, and whose loss nobody has acknowledged. */
  readonly lostChains: readonly string[];
  /** Settings of the server without which a commit does not outlive a crash, and which are off. */
  readonly switchedOff: readonly string[];
  /** Whether a commit waits for a standby: without it a failover may lose acknowledged commits. */
  readonly synchronousReplication: boolean;
  /** What our role may do beyond what it needs, in words. */
  readonly excessive: readonly string[];
};

/** Operations of one tenant that are open in one status. */
export type OpenOperations = {
  readonly tenantId: string;
  readonly status: OperationStatus;
  readonly number: number;
  /** How long ago the oldest was sent, or asked for where it was not sent yet, in seconds. */
  readonly oldestSeconds: number;
};

/** `up`: PostgreSQL let us in and answers. `signs` is `null` where it could not tell them, as before the
 *  schema is there; `problem` says why, in words. `statementsWaiting`: statements of the service, of all its
 *  replicas, that wait for a lock at this moment; `null` where it does not answer. */
export type DatabaseHealth = {
  readonly up: boolean;
  readonly signs: VitalSigns | null;
  readonly statementsWaiting: number | null;
  readonly problem: string | null;
};

/** Takes the vital signs. Never rejects. */
export async function readDatabaseHealth(pool: Pool, timeoutMs: number): Promise<DatabaseHealth> {
  let waiting: number | null = null;
  try {
    const row = await pool.withClient(timeoutMs, async (client) => {
      waiting = firstRow((await client.query(statementsWaiting.text)).rows).number;
      return firstRow((await client.query(vitalSigns.text)).rows);
    });
    return {
      up: true,
      problem: null,
      statementsWaiting: waiting,
      signs: {
        open: row.open,
        mayWriteAudit: row.may_write_audit,
        lostChains: row.lost_chains,
        switchedOff: row.switched_off,
        synchronousReplication: row.synchronous_replication,
        excessive: row.excessive,
      },
    };
  } catch (error) {
    const up = error instanceof pg.DatabaseError && letUsIn.some((start) => error.code?.startsWith(start));
    return { up, signs: null, statementsWaiting: waiting, problem: problemOf(error) };
  }
}

// It answered, but lacks the tables or does not let us read them (class 42), or somebody holds a lock on them.
const letUsIn = ['42', '55P03', '57014'];

/** Why PostgreSQL cannot be used, in words that name no address and no secret. */
export function problemOf(error: unknown): string {
  if (error instanceof ReadOnlyServer) return `takes no writes: ${readOnlyBecause[error.because]}`;
  if (error instanceof OtherSchema) return error.message;
  if (error instanceof DatabaseTimeout) return 'does not answer in time';
  if (error instanceof pg.DatabaseError) return `refuses us: ${meaningOf(error.code ?? '')}`;
  return 'cannot be reached';
}

/** PostgreSQL's Appendix A, "PostgreSQL Error Codes", as far as it is about being let in. */
function meaningOf(code: string): string {
  const meanings: [start: string, meaning: string][] = [
    ['28', 'the role or its password is not accepted'],
    ['3D', 'there is no such database'],
    ['53300', 'it has no connection left'],
    ['53', 'it lacks memory, disk or connections'],
    ['57P03', 'it is starting up or shutting down'],
    ['57P', 'it is shutting down'],
    ['55P03', 'a lock could not be obtained in time'],
    ['57014', 'a lock could not be obtained in time'],
    ['25006', 'it takes no writes'],
    ['42501', 'the role lacks a privilege'],
    ['42', 'its schema is not ours'],
  ];
  const meaning = meanings.find(([start]) => code.startsWith(start))?.[1] ?? 'an error';
  return `${meaning} (SQLSTATE ${code})`;
}
