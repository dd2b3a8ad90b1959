import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import pg from 'pg';
import { LaterSchema, migrate } from '../../../src/adapters/database/migrate.ts';
import { Secret } from '../../../src/core/secret.ts';
import { migratedDatabase, type TestDatabase, testDatabase } from '../../support/postgres.ts';
import { until } from '../../support/processes.ts';

const service = 'chromeos_bff';
const owner = 'chromeos_bff_owner';

describe('a database that is migrated already', () => {
  let database: TestDatabase;
  let client: pg.Client;
  before(async () => {
    database = await migratedDatabase();
    client = new pg.Client({ connectionString: database.adminUrl });
    await client.connect();
  });
  after(async () => {
    await client?.end();
    await database?.drop();
  });

  const run = (url = database.url) =>
    migrate({ url: new Secret(url), adminUrl: new Secret(database.adminUrl) });
  const value = async (expression: string) =>
    (await client.query(`select ${expression} as value`)).rows[0].value;
  const mayWrite = (role: string, table = 'operations') =>
    value(`has_table_privilege('${role}', '${table}', 'insert, update, delete, truncate')`);

  test('has taken from the service’s role what it may not do, and given what it needs', async () => {
    await client.query(`grant insert on operations, audit_events to ${service}`);
    await client.query(`grant truncate on notifications to ${service}`);
    await client.query(`revoke usage on schema public from ${service}, public`);
    await run();
    for (const table of ['operations', 'audit_events', 'notifications']) {
      assert.equal(await mayWrite(service, table), false, table);
    }
    assert.equal(await value(`has_schema_privilege('${service}', 'public', 'usage')`), true);
    assert.equal(await value(`has_table_privilege('${service}', 'operations', 'select')`), true);
  });

  test('leaves the owner what is theirs, where they serve as well', async () => {
    await run(database.adminUrl);
    assert.equal(await mayWrite(owner), true);
  });

  test('grants nothing where the URL names nobody', async () => {
    const nameless = new URL(database.url);
    nameless.username = '';
    nameless.password = '';
    assert.deepEqual(await run(nameless.href), []);
  });

  test('finds the role whatever its name has in it', async () => {
    const odd = new URL(database.url);
    odd.username = 'nobody of that@name';
    await assert.rejects(run(odd.href), /role "nobody of that@name" does not exist/);
  });

  test('holds no connection afterwards', async () => {
    await run();
    await until('it is closed', async () => {
      const others = `(select count(*)::int from pg_stat_activity where usename = '${owner}'
        and datname = current_database() and pid <> pg_backend_pid())`;
      return (await value(others)) === 0;
    });
  });

  test('is left alone where a later release has migrated it', async () => {
    const later = ['9998-later', '9999-later'];
    for (const name of later) await client.query("insert into kysely_migration values ($1, 'x')", [name]);
    await client.query("delete from applied_functions where name = 'audit_genesis'");
    const refused = (error: unknown) => {
      assert.ok(error instanceof LaterSchema);
      assert.deepEqual(
        [error.name, error.migrations, error.message],
        [
          'LaterSchema',
          later,
          'the schema is of a later release (9998-later, 9999-later): nothing was changed',
        ],
      );
      return true;
    };
    await assert.rejects(run(), refused);
    await client.query('delete from kysely_migration where name = any($1)', [later]);
    assert.deepEqual(await run(), ['audit_genesis'], 'it had changed nothing');
  });
});

describe('a database that cannot be migrated', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeEach(async () => {
    database = await testDatabase();
    client = new pg.Client({ connectionString: database.adminUrl });
    await client.connect();
  });
  afterEach(async () => {
    await client?.end();
    await database?.drop();
  });
  const run = () => migrate({ url: new Secret(database.url), adminUrl: new Secret(database.adminUrl) });

  test('says what a migration met', async () => {
    await client.query('create table operations (id uuid)');
    await assert.rejects(run(), /relation "operations" already exists/);
  });

  test('says that it has no schema that may be used', async () => {
    const name = new URL(database.adminUrl).pathname.slice(1);
    await client.query(`alter role ${owner} in database ${name} set search_path = nowhere`);
    await assert.rejects(run(), {
      message:
        'the first schema in the search_path of DATABASE_ADMIN_URL has to be public, and there is none it may use: nothing was changed',
    });
  });
});
