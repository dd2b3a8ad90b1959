import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Postgres, startPostgres } from '../../tools/postgres/postgres.ts';
import { shareWithTestFiles } from './shared-setup.ts';

let postgres: Postgres | undefined;

/** Starts one PostgreSQL for the whole run. */
export async function globalSetup(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'chromeos-bff-test-'));
  postgres = await startPostgres({ dataDir, ephemeral: true });
  await shareWithTestFiles(postgres);
}

/** Ends it; its data goes with it. */
export async function globalTeardown(): Promise<void> {
  await postgres?.stop();
}
