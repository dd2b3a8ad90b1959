import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../../src/adapters/database/migrate.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Postgres } from '../../tools/postgres/postgres.ts';
import { TEST_POSTGRES, type TestPostgres } from './postgres.ts';
import { shareKeys } from './shared-keys.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Makes what each test file's process finds ready: the way to PostgreSQL, a migrated database to copy,
 *  keys for the simulator, and a folder for compiled modules. The runner hands our environment on to those processes. */
export async function shareWithTestFiles({ access, createDatabase }: Postgres): Promise<void> {
  const template = `template_${await schemaDigest()}`;
  const { url, adminUrl } = await createDatabase(template);
  await Promise.all([migrate({ url: new Secret(url), adminUrl: new Secret(adminUrl) }), shareKeys()]);
  process.env[TEST_POSTGRES] = JSON.stringify({ access, template } satisfies TestPostgres);
  process.env.NODE_COMPILE_CACHE ??= path('../../node_modules/.cache/node');
}

/** Another one for each text of what migrates: a kept server outlives changes of it. */
async function schemaDigest(): Promise<string> {
  const folder = path('../../src/adapters/database');
  const files = (await readdir(folder, { recursive: true })).filter((name) => /\.(sql|ts)$/.test(name));
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(file).update(await readFile(join(folder, file)));
  return hash.digest('hex').slice(0, 12);
}
