import { randomUUID } from 'node:crypto';
import { type SignedStatement, type Signer, sealed } from '../../audit-verification/format/statement.ts';
import type { Clock } from '../../core/ports.ts';
import type { Queryable } from './audit-rows.ts';
import type { Database } from './database.ts';

export type CheckpointsOptions = {
  readonly database: Database;
  readonly signer: Signer | null;
  readonly clock: Clock;
  /** Hears of each new checkpoint once it is stored, to print it where a log platform keeps it out of
   *  our reach. */
  readonly onCheckpoint: (checkpoint: SignedStatement) => void;
};

/** Puts a signed statement of its head beside each chain that has grown since the last one. Any replica
 *  may do it; two at once only say the same twice. Gives how many it made. Fails with
 *  `audit_unavailable`. */
export async function makeCheckpoints(options: CheckpointsOptions): Promise<number> {
  const made = await options.database.transact(async (client) => {
    const grown = await client.query<{ chain: string; length: string; head: Buffer }>(
      `select chain, length, head from audit_chains c where length > coalesce(
         (select max(number) from audit_checkpoints p where p.chain = c.chain
          and p.key_id is not distinct from $1), 0)`,
      [options.signer?.keyId ?? null],
    );
    const time = new Date(options.clock()).toISOString();
    const checkpoints = grown.rows.map(({ chain, length, head }) =>
      sealed(
        { type: 'checkpoint', chain, number: Number(length), link: head.toString('hex'), time },
        options.signer,
      ),
    );
    for (const checkpoint of checkpoints) await store(client, checkpoint);
    return checkpoints;
  });
  for (const checkpoint of made) options.onCheckpoint(checkpoint);
  return made.length;
}

async function store(client: Queryable, { statement, text, signature }: SignedStatement): Promise<void> {
  await client.query(
    `insert into audit_checkpoints (id, chain, number, statement, key_id, signature, made_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [randomUUID(), statement.chain, statement.number, text, statement.keyId, signature, statement.time],
  );
}
