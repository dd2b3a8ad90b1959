import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Postgres, startPostgres } from '../../tools/postgres/postgres.ts';
import { POSTGRES_ACCESS } from './postgres.ts';

let postgres: Postgres | undefined;

/** Starts one PostgreSQL for the whole run. The runner hands our environment on to each test file's
 *  process, and with it the way to the server. */
export async function globalSetup(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'chromeos-bff-test-'));
  postgres = await startPostgres({ dataDir, ephemeral: true });
  process.env[POSTGRES_ACCESS] = JSON.stringify(postgres.access);
}

/** Ends it; its data goes with it. */
export async function globalTeardown(): Promise<void> {
  await postgres?.stop();
}
