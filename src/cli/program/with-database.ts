import { createDatabase, type Database } from '../../adapters/database/database.ts';
import { createPool } from '../../adapters/database/pool.ts';
import { type SecretSource, secretFrom } from '../../adapters/files/followed-secret.ts';

/** For a connection, and for each statement. */
const timeoutMs = 10_000;

/** Runs `work` on the database as the service sees it, over one connection that is closed after it. */
export async function withDatabase<Value>(
  url: SecretSource,
  work: (database: Database) => Promise<Value>,
): Promise<Value> {
  const pool = createPool({
    url: secretFrom(url),
    size: 1,
    connectTimeoutMs: timeoutMs,
    patienceMs: timeoutMs,
    onError: () => {},
  });
  try {
    return await work(createDatabase(pool, timeoutMs));
  } finally {
    await pool.end();
  }
}
