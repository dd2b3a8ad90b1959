import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { functions } from '../../src/adapters/database/functions/functions.ts';
import { LaterSchema, migrate } from '../../src/adapters/database/migrate.ts';
import { migrations } from '../../src/adapters/database/migrations/migrations.ts';
import { Findings } from '../../src/audit-verification/finding.ts';
import { verifyStored } from '../../src/audit-verification/stored-chains.ts';
import { Secret } from '../../src/core/secret.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import { collectStatements, type ReleaseRecord, recordDatabase } from '../support/release-record.ts';
import { keyOfRelease, liveThrough } from '../support/release-story.ts';
import { scene } from '../support/scene.ts';
import { dumpSchema } from '../support/schema-dump.ts';
import { disconnectPath, startService } from '../support/service.ts';

const folder = new URL('releases/', import.meta.url);
const kept = readdirSync(folder)
  .filter((name) => /^\d+\.\d+\.\d+\.sql$/.test(name))
  .map((name) => name.replace('.sql', ''));

const keptRecord = async (version: string): Promise<ReleaseRecord> => ({
  database: await readFile(new URL(`${version}.sql`, folder), 'utf8'),
  statements: JSON.parse(await readFile(new URL(`${version}.statements.json`, folder), 'utf8')),
});

describe('upgrading and rolling back', () => {
  let collected: ReturnType<typeof collectStatements>;
  let ours: ReleaseRecord;
  before(() => {
    collected = collectStatements('chromeos_bff');
  });
  const it = scene();
  before(async () => {
    await liveThrough(it);
    const owner = await it.testEnvironment.connect();
    ours = { database: await recordDatabase(owner, 'chromeos_bff'), statements: collected.end() };
    await owner.end();
  });

  for (const release of [...kept, 'this build']) {
    describe(`from ${release}`, () => {
      let database: TestDatabase;
      let owner: pg.Client;
      let record: ReleaseRecord;
      let atFirst: Contents;
      const urls = () => ({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
      before(async () => {
        record = release === 'this build' ? ours : await keptRecord(release);
        database = await testDatabase();
        owner = new pg.Client({ connectionString: database.adminUrl });
        await owner.connect();
        await owner.query(record.database);
        atFirst = await contentsOf(owner);
      });
      after(async () => {
        await owner?.end();
        await database?.drop();
      });

      test('a release that changed a function has a migration of its own, by which it is told from the one before', async () => {
        const { rows } = await owner.query<{ digest: string }>('select digest from applied_functions');
        const known = new Set(rows.map(({ digest }) => digest));
        const names = await namesIn(owner);
        const changed = functions.filter(({ digest }) => !known.has(digest)).map(({ name }) => name);
        const added = Object.keys(migrations).filter((name) => !names.includes(name));
        assert.ok(
          changed.length === 0 || added.length > 0,
          `${changed.join(', ')} changed without a migration`,
        );
      });

      test('migrate makes of it the schema of this build, and keeps what is in it', async () => {
        await migrate(urls());
        const snapshot = await readFile(
          new URL('../../src/adapters/database/schema.sql', import.meta.url),
          'utf8',
        );
        assert.equal(await dumpSchema(owner), snapshot.replace(/^(--.*\n)+\n/, ''));
        for (const [table, rows] of Object.entries(await contentsOf(owner))) {
          // More may be there: moves that are new, say.
          if (atFirst[table] !== undefined)
            assert.deepEqual(rows.slice(0, atFirst[table].length), atFirst[table], table);
        }
      });

      test('its trail verifies', async () => {
        const findings = new Findings();
        const reports = await verifyStored(owner, {
          findings,
          verifiers: new Map(),
          outside: new Map(),
          lateMs: Number.POSITIVE_INFINITY,
          onProgress() {},
          onTotal() {},
        });
        assert.deepEqual(findings.list, []);
        assert.ok(reports.some(({ length }) => length > 10));
      });

      test('the service works on it, and repeats the answer of then', async () => {
        const service = await startService(it.testEnvironment, {
          environment: { DATABASE_URL: database.url },
        });
        try {
          const headers = { 'idempotency-key': keyOfRelease };
          const unknown = atFirst.superseded?.[0];
          const again = await it.post(disconnectPath, {
            on: service,
            headers,
            body: { supersedes: unknown },
          });
          assert.deepEqual([again.status, again.headers['idempotency-replayed']], [200, 'true'], again.text);
          it.simulator.setConnection(it.tenantId, { id: 'another' });
          assert.equal((await it.disconnect({ on: service })).status, 200);
        } finally {
          await service.close();
        }
      });

      test('every statement of its service still does on the schema of this build', async () => {
        assert.ok(record.statements.length > 15);
        assert.deepEqual(await failing(database.url, record.statements), []);
        await owner.query('alter function claim_read(uuid, bigint) rename to claim_looking');
        const found = await failing(database.url, record.statements);
        await owner.query('alter function claim_looking(uuid, bigint) rename to claim_read');
        assert.deepEqual(
          found.map((text) => /^function claim_read\(.*\) does not exist/.test(text)),
          [true],
        );
      });
    });
  }

  test('rolled back: beside a later schema this build is ready, disconnects, and leaves the schema alone', async () => {
    const { adminUrl, url } = it.testEnvironment.database;
    await it.query("insert into kysely_migration values ('9999-later', now()::text)");
    await it.query(
      "insert into applied_functions (name, digest) select distinct name, 'later' from applied_functions",
    );
    await it.query('alter table operations add column later text');
    const { disconnected } = await it.beside({}, async (on) => ({
      disconnected: await it.disconnect({ on }),
    }));
    assert.equal(disconnected.status, 200, disconnected.text);

    await assert.rejects(migrate({ url: new Secret(url), adminUrl: new Secret(adminUrl) }), LaterSchema);
    const cli = fileURLToPath(new URL('../../src/cli/migrate.ts', import.meta.url));
    const env = childEnvironment({ DATABASE_URL: url, DATABASE_ADMIN_URL: adminUrl });
    const { stdout } = await promisify(execFile)(process.execPath, [cli], { env });
    assert.match(stdout, /^Nothing was changed: the schema is of a later release \(9999-later\)/);
    const [last] = await it.query<{ digest: string }>(
      'select digest from applied_functions order by applied_at desc limit 1',
    );
    assert.equal(last?.digest, 'later');
  });
});

type Contents = Record<string, string[]>;

/** Every row as text, table by table. What tells of migrations is for them to change. */
async function contentsOf(client: pg.Client): Promise<Contents> {
  const contents: Contents = {};
  for (const table of [
    'audit_events',
    'audit_chains',
    'audit_checkpoints',
    'operations',
    'disconnect_switches',
  ]) {
    const { rows } = await client.query<{ text: string }>(
      `select row_to_json(t)::text as text from ${table} t order by 1`,
    );
    contents[table] = rows.map(({ text }) => text);
  }
  const superseded = await client.query<{ id: string }>(
    'select id from operations where superseded_by is not null',
  );
  contents.superseded = superseded.rows.map(({ id }) => id);
  return contents;
}

async function namesIn(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('select name from kysely_migration');
  return rows.map(({ name }) => name);
}

/** Those that the service's role could not run: something they name is not there, or not theirs any more. */
async function failing(url: string, statements: readonly string[]): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const found: string[] = [];
  try {
    for (const text of statements) {
      await client
        .query(`explain (generic_plan) ${text}`)
        .catch(({ message }) => found.push(`${message}: ${text}`));
    }
  } finally {
    await client.end();
  }
  return found;
}
