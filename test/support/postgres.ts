import { randomBytes } from 'node:crypto';
import {
  asSuperuser,
  createServiceDatabase,
  dropDatabase,
  type PostgresAccess,
  type ServiceDatabase,
} from '../../tools/postgres/postgres-access.ts';

/** The environment variable by which the global setup passes the server on to test files. */
export const TEST_POSTGRES = 'CHROMEOS_BFF_TEST_POSTGRES';

/** What it says of the server. */
export type TestPostgres = {
  readonly access: PostgresAccess;
  /** The name of a migrated database, to be copied. */
  readonly template: string;
};

const PREFIX = 'test_';

export type TestDatabase = ServiceDatabase & { drop(): Promise<void> };

/** An empty database of its own for a test file, with production's two roles: `adminUrl` migrates,
 *  `url` serves. */
export function testDatabase(): Promise<TestDatabase> {
  return newDatabase();
}

/** The same with the current schema in it: a copy of one that the global setup has migrated. */
export function migratedDatabase(): Promise<TestDatabase> {
  return newDatabase(given().template);
}

/** How to reach the server that the global setup has started. */
export function postgresAccess(): PostgresAccess {
  return given().access;
}

/** Removes the databases that test files have made. */
export async function dropTestDatabases(access: PostgresAccess): Promise<void> {
  const { rows } = await asSuperuser(access, (client) =>
    client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE starts_with(datname, $1)', [
      PREFIX,
    ]),
  );
  for (const { datname } of rows) await dropDatabase(access, datname);
}

async function newDatabase(template?: string): Promise<TestDatabase> {
  const { access } = given();
  const name = `${PREFIX}${randomBytes(6).toString('hex')}`;
  const database = await createServiceDatabase(access, name, template);
  return { ...database, drop: () => dropDatabase(access, name) };
}

function given(): TestPostgres {
  const text = process.env[TEST_POSTGRES];
  if (text) return JSON.parse(text);
  throw new Error(
    'No PostgreSQL to test against: run tests with npm test, or a single file with npm run test:one -- FILE.',
  );
}
