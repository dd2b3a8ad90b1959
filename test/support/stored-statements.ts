import { randomUUID } from 'node:crypto';
import {
  type SignedStatement,
  type Signer,
  type Statement,
  sealed,
} from '../../src/audit-verification/format/statement.ts';
import type { AuditScene } from './audit.ts';

type Differing = Partial<Omit<Statement, 'keyId'>>;

/** A statement about a chain, as a process makes them that follows nothing. */
export function sampleStatement(
  statement: Pick<Statement, 'type' | 'chain' | 'number'> & Differing,
  signer: Signer | null,
): SignedStatement {
  return sealed({ link: '0f'.repeat(32), time: '2026-02-01T00:00:00.000Z', ...statement }, signer);
}

/** Stores one as who may write the tables: after those of its chain that are there, whatever it says. */
export async function storeStatement(
  scene: AuditScene,
  statement: Pick<Statement, 'type' | 'chain' | 'number'> & Differing,
  signer: Signer | null,
): Promise<SignedStatement> {
  const made = sampleStatement(statement, signer);
  await storeText(scene, made.statement, made);
  return made;
}

/** The same with another text or signature than its columns say. */
export async function storeText(
  { superuser }: AuditScene,
  { type, chain, number, keyId, time }: Statement,
  { text, signature }: Pick<SignedStatement, 'text' | 'signature'>,
): Promise<void> {
  await superuser.query(
    `insert into audit_${type}s (id, chain, number, statement, key_id, signature, made_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [randomUUID(), chain, number, text, keyId, signature, time],
  );
}
