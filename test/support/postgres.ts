import { randomBytes } from 'node:crypto';
import {
  createServiceDatabase,
  dropDatabase,
  type PostgresAccess,
  type ServiceDatabase,
} from '../../tools/postgres/postgres-access.ts';

/** The environment variable by which the global setup passes the server on to test files. */
export const POSTGRES_ACCESS = 'CHROMEOS_BFF_TEST_POSTGRES';

/** An empty database of its own for a test file, with production's two roles: `adminUrl` migrates,
 *  `url` serves. */
export async function testDatabase(): Promise<ServiceDatabase & { drop(): Promise<void> }> {
  const given = process.env[POSTGRES_ACCESS];
  if (!given) {
    throw new Error(
      'No PostgreSQL to test against: run tests with npm test, or a single file with ' +
        'node --test --test-global-setup=test/support/global-setup.ts FILE.',
    );
  }
  const access = JSON.parse(given) as PostgresAccess;
  const name = `test_${randomBytes(6).toString('hex')}`;
  const database = await createServiceDatabase(access, name);
  return { ...database, drop: () => dropDatabase(access, name) };
}
