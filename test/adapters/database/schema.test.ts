import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { functions } from '../../../src/adapters/database/functions/functions.ts';
import { migrate } from '../../../src/adapters/database/migrate.ts';
import { migrations } from '../../../src/adapters/database/migrations/migrations.ts';
import { createPool, type Pool } from '../../../src/adapters/database/pool.ts';
import { missingFromSchema } from '../../../src/adapters/database/schema-check.ts';
import { Secret } from '../../../src/core/secret.ts';
import { type TestDatabase, testDatabase } from '../../support/postgres.ts';
import { dumpSchema } from '../../support/schema-dump.ts';

const snapshot = new URL('../../../src/adapters/database/schema.sql', import.meta.url);

const note = `-- The schema as the migrations and functions make it: read it, change those, then run npm run schema.
-- A test compares it with a migrated database.

`;

describe('the schema', () => {
  let database: TestDatabase;
  let owner: pg.Client;
  let service: Pool;
  const urls = () => ({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });
  before(async () => {
    database = await testDatabase();
    owner = new pg.Client({ connectionString: database.adminUrl });
    await owner.connect();
    service = createPool({
      url: new Secret(database.url),
      size: 1,
      connectTimeoutMs: 5000,
      patienceMs: 5000,
      onError: () => {},
    });
  });
  after(async () => {
    await owner?.end();
    await service?.end();
    await database?.drop();
  });

  test('an empty database is told for one, and several may migrate it at once', async () => {
    const everything = [...Object.keys(migrations), ...functions.map(({ name }) => name)];
    assert.deepEqual(await missingFromSchema(service, 5000), everything);
    const done = await Promise.all(Array.from({ length: 4 }, () => migrate(urls())));
    assert.deepEqual(done.flat(), everything, 'one of them did it');
    assert.deepEqual(await missingFromSchema(service, 5000), []);
  });

  test('is as the snapshot says', async () => {
    const dumped = note + (await dumpSchema(owner));
    if (process.env.UPDATE_SCHEMA) await writeFile(snapshot, dumped);
    assert.equal(dumped, await readFile(snapshot, 'utf8'), 'run npm run schema');
  });

  test('a function that was replaced by hand is applied again, and nothing else', async () => {
    await owner.query(
      'create or replace function audit_genesis(chain text) returns bytea language sql immutable as $$ select null::bytea $$',
    );
    assert.deepEqual(await migrate(urls()), ['audit_genesis']);
    assert.match((await dumpSchema(owner)).replace(/\s+/g, ' '), /audit chain ' \|\| chain/);
    assert.deepEqual(await migrate(urls()), []);
  });

  test('a text that was never applied is missing; one that was applied and replaced by a later one is not', async () => {
    const [one] = functions;
    assert.ok(one);
    await owner.query("insert into applied_functions values ($1, 'of a later build')", [one.name]);
    assert.deepEqual(await missingFromSchema(service, 5000), []);
    await owner.query('delete from applied_functions where digest = $1', [one.digest]);
    assert.deepEqual(await missingFromSchema(service, 5000), [one.name]);
    assert.deepEqual(await migrate(urls()), [one.name]);
  });

  test('a migration that fails leaves nothing behind', async () => {
    const broken = await testDatabase();
    const admin = new pg.Client({ connectionString: broken.adminUrl });
    try {
      await admin.connect();
      // The grant, at the very end, will find no such role.
      const url = new Secret(broken.url.replace('chromeos_bff:', 'nobody_of_that_name:'));
      await assert.rejects(migrate({ url, adminUrl: new Secret(broken.adminUrl) }), /nobody_of_that_name/);
      const { rows } = await admin.query("select to_regclass('operations') as found");
      assert.deepEqual(rows, [{ found: null }]);
    } finally {
      await admin.end();
      await broken.drop();
    }
  });

  test('a schema other than public is refused by name, and nothing is changed', async () => {
    const other = await testDatabase();
    const admin = new pg.Client({ connectionString: other.adminUrl });
    try {
      await admin.connect();
      await admin.query('create schema elsewhere');
      const name = new URL(other.adminUrl).pathname.slice(1);
      await admin.query(
        `alter role chromeos_bff_owner in database ${name} set search_path = elsewhere, public`,
      );
      const urls = { url: new Secret(other.url), adminUrl: new Secret(other.adminUrl) };
      await assert.rejects(migrate(urls), /has to be public, and it is elsewhere: nothing was changed/);
      const { rows } = await admin.query(
        "select from pg_class where relname in ('operations', 'kysely_migration')",
      );
      assert.deepEqual(rows, []);
    } finally {
      await admin.end();
      await other.drop();
    }
  });

  test('a session that looks elsewhere first, as a pooler may lend it, is told so', async () => {
    const withClient = (_timeoutMs: number, work: (client: pg.Client) => unknown) => work(owner);
    const lent = { ...service, withClient } as Pool;
    for (const [path, name] of [
      ['elsewhere, public', 'elsewhere'],
      ['', 'of no name'],
    ] as const) {
      await owner.query('create schema if not exists elsewhere');
      await owner.query("select set_config('search_path', $1, false)", [path]);
      await assert.rejects(missingFromSchema(lent, 5000), {
        name: 'OtherSchema',
        message: `looks in the schema ${name} first: set the role's search_path to public`,
      });
    }
    await owner.query('reset search_path');
    await owner.query('drop schema elsewhere');
    assert.deepEqual(await missingFromSchema(lent, 5000), []);
  });

  test('where somebody writes and does not end, migrating gives up: others who write wait no longer than that', async () => {
    const stuck = new pg.Client({ connectionString: database.adminUrl });
    await stuck.connect();
    try {
      await stuck.query('begin');
      await stuck.query('lock table operations in row exclusive mode');
      await owner.query("delete from applied_functions where name = 'check_operation_move'");
      await assert.rejects(migrate(urls()), /lock timeout/);
      await stuck.query('rollback');
      assert.deepEqual(await migrate(urls()), ['check_operation_move']);
    } finally {
      await stuck.end();
    }
  });
});
