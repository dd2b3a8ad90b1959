import { fileURLToPath } from 'node:url';
import { type Postgres, startPostgres } from '../../tools/postgres/postgres.ts';
import { dropTestDatabases } from './postgres.ts';
import { shareWithTestFiles } from './shared-setup.ts';

let postgres: Postgres | undefined;

/** For `npm run test:one`: starts a PostgreSQL whose data is kept in `data/test-postgres`, with the simulator's
 *  keys beside it, so that there is nothing to make. A second run at the same moment waits for the first. */
export async function globalSetup(): Promise<void> {
  const dataDir = fileURLToPath(new URL('../../data/test-postgres', import.meta.url));
  postgres = await startPostgres({ dataDir });
  await shareWithTestFiles(postgres, { keepIn: dataDir });
}

/** Ends it, without what a test that was broken off has left behind. */
export async function globalTeardown(): Promise<void> {
  if (postgres === undefined) return;
  await dropTestDatabases(postgres.access);
  await postgres.stop();
}
