import { mkdtemp, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Postgres, startPostgres } from '../../tools/postgres/postgres.ts';
import { shareWithTestFiles } from './shared-setup.ts';

/** A folder in memory, on Linux. */
const memory = '/dev/shm';

/** Several times what all databases of a run take at once, in bytes. */
const enoughMemory = 4 * 1024 ** 3;

let postgres: Postgres | undefined;

/** Starts one PostgreSQL for the whole run. */
export async function globalSetup(): Promise<void> {
  const dataDir = await mkdtemp(join(await folderForData(), 'chromeos-bff-test-'));
  // Passwords are random: to derive keys from them slowly, at each of thousands of connections, guards nothing.
  postgres = await startPostgres({ dataDir, ephemeral: true, settings: { scram_iterations: '1' } });
  await shareWithTestFiles(postgres);
}

/** Ends it; its data goes with it. */
export async function globalTeardown(): Promise<void> {
  await postgres?.stop();
}

/** In memory, where there is enough: a database is copied for each test file, and nothing has to outlive the machine. */
async function folderForData(): Promise<string> {
  const { bavail, bsize } = await statfs(memory).catch(() => ({ bavail: 0, bsize: 0 }));
  return Math.min(bavail * bsize, freemem()) > enoughMemory ? memory : tmpdir();
}
