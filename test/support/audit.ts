import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { appendEventsOn } from '../../src/adapters/database/audit-rows.ts';
import { Checkpointer } from '../../src/adapters/database/checkpoints.ts';
import { createDatabase } from '../../src/adapters/database/database.ts';
import { createPool } from '../../src/adapters/database/pool.ts';
import {
  type SignedStatement,
  type Signer,
  signerFrom,
} from '../../src/audit-verification/format/statement.ts';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import type { AuditSelection } from '../../src/core/audit/audit-export.ts';
import { Secret } from '../../src/core/secret.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { superuserUrl } from '../../tools/postgres/postgres-access.ts';
import { migratedDatabase, postgresAccess } from './postgres.ts';

const cli = fileURLToPath(new URL('../../src/cli/', import.meta.url));

export const homeTenant = '11111111-1111-4111-8111-111111111111';
export const otherTenant = '22222222-2222-4222-8222-222222222222';

/** An event as the service makes them. */
export function sampleEvent(tenantId: string, differing: Partial<AuditEvent> = {}): AuditEvent {
  const id = randomUUID();
  return {
    id,
    time: '2026-01-31T10:20:30.456Z',
    event: 'attempt',
    action: 'disconnect',
    operationId: randomUUID(),
    tenantId,
    actor: {
      kind: 'user',
      oid: 'ad31f0c0-0000-4000-8000-000000000001',
      tenantId,
      name: 'Zoë Adminová',
      clientId: 'portal',
    },
    source: { address: '203.0.113.7' },
    requestId: id,
    graphRequestId: null,
    reason: 'Ende des Vertrags: "миграция" \u{1F4BB}',
    ticket: 'CHG-1',
    result: 'pending',
    value: null,
    failure: null,
    move: { from: null, to: 'sent' },
    explanation: null,
    connection: {
      id: 'c-1',
      owner: 'owner@example.com',
      status: 'onboarded',
      lastModified: null,
      lastDirectorySync: null,
    },
    durationMs: 12.5,
    ...differing,
  };
}

/** All of a chain. */
export const unfiltered: Omit<AuditSelection, 'tenantId'> = {
  from: null,
  to: null,
  actor: null,
  event: null,
  operationId: null,
  reads: null,
};

export type Key = { readonly signer: Signer; readonly privateFile: string; readonly publicFile: string };

export type Outcome = { readonly code: number; readonly out: string; readonly err: string };

/** A migrated database with the means to fill its audit trail, to attack it and to run the programs on it. */
export type AuditScene = Awaited<ReturnType<typeof startAuditScene>>;

export async function startAuditScene() {
  const database = await migratedDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-verify-'));
  const name = new URL(database.url).pathname.slice(1);
  const service = new pg.Pool({ connectionString: database.url, max: 2 });
  const ours = createPool({
    url: new Secret(database.url),
    size: 2,
    connectTimeoutMs: 5000,
    patienceMs: 5000,
    onError: () => {},
  });
  const superuser = new pg.Client({ connectionString: superuserUrl(postgresAccess(), name) });
  superuser.on('error', () => {});
  service.on('error', () => {});
  await superuser.connect();
  let files = 0;

  const file = async (content: string | Buffer) => {
    files += 1;
    const path = join(folder, `file-${files}`);
    await writeFile(path, content);
    return path;
  };
  const run = (program: string, args: string[], environment: Record<string, string> = {}) =>
    new Promise<Outcome>((resolve) => {
      const env = childEnvironment(environment);
      execFile(process.execPath, [join(cli, program), ...args], { env, maxBuffer: 1e8 }, (error, out, err) =>
        resolve({ code: Number(error?.code ?? 0), out, err }),
      );
    });

  const retentionAs = (adminUrl: string, key: Key, ...args: string[]) =>
    run('audit-retention.ts', args, {
      DATABASE_URL: database.url,
      DATABASE_ADMIN_URL: adminUrl,
      AUDIT_SIGNING_KEY_FILE: key.privateFile,
    });

  return {
    database,
    superuser,
    service,
    /** As the service has it. */
    serviceDatabase: createDatabase(ours, 5000),
    file,
    async key(): Promise<Key> {
      const pair = generateKeyPairSync('ed25519');
      const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      return {
        signer: signerFrom(pem),
        privateFile: await file(pem),
        publicFile: await file(pair.publicKey.export({ type: 'spki', format: 'pem' })),
      };
    },
    /** As the service does. */
    append: (...events: AuditEvent[]) => appendEventsOn(service as unknown as pg.ClientBase, events),
    /** Gives what was made, as lines on stdout say it. */
    async checkpoint(signer: Signer | null, time = '2026-02-01T00:00:00.000Z'): Promise<string> {
      const made: SignedStatement[] = [];
      const found = await new Checkpointer({
        database: createDatabase(ours, 5000),
        signer,
        verifiers: new Map(signer === null ? [] : [[signer.keyId, signer.verifier]]),
        clock: () => Date.parse(time),
        lateMs: 3_600_000,
        mode: 'adopt',
        onCheckpoint: (checkpoint) => made.push(checkpoint),
      }).makeAll();
      assert.deepEqual(found, []);
      return made.map((checkpoint) => `${logLineOf(checkpoint)}\n`).join('');
    },
    /** However late its events were signed, unless `--late` is among the arguments. */
    verify: (...args: string[]) =>
      run('audit-verify.ts', args.includes('--late') ? args : ['--late', '36500d', ...args], {
        DATABASE_URL: database.url,
      }),
    /** With nothing in the environment. */
    verifyOffline: (...args: string[]) => run('audit-verify.ts', args),
    retention: (key: Key, ...args: string[]) => retentionAs(database.adminUrl, key, ...args),
    retentionAs,
    adopt: (key: Key, ...args: string[]) =>
      run('audit-adopt.ts', args, { DATABASE_URL: database.url, AUDIT_SIGNING_KEY_FILE: key.privateFile }),
    /** Statements of someone whom no trigger stops. */
    async attack(...statements: string[]): Promise<void> {
      await superuser.query('begin');
      await superuser.query('set local session_replication_role = replica');
      for (const statement of statements) await superuser.query(statement);
      await superuser.query('commit');
    },
    async close() {
      await superuser.end();
      await service.end();
      await ours.end();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A checkpoint as the service prints it. */
function logLineOf({ text, signature }: SignedStatement): string {
  return JSON.stringify({
    level: 'info',
    stream: 'audit-checkpoint',
    statement: text,
    signature: signature?.toString('base64') ?? null,
    msg: 'checkpoint',
  });
}
