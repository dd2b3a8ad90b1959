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
 *  keys for the simulator, and a folder for compiled modules. The runner hands our environment on to those
 *  processes. With a folder to keep things in, keys of an earlier run are used again. */
export async function shareWithTestFiles(
  { access, createDatabase }: Postgres,
  options: { keepIn?: string } = {},
): Promise<void> {
  const template = `template_${await digestOf('../../src/adapters/database')}`;
  const { url, adminUrl } = await createDatabase(template);
  const keysFile = options.keepIn && join(options.keepIn, `keys-${await digestOf('../../simulator')}.json`);
  await Promise.all([migrate({ url: new Secret(url), adminUrl: new Secret(adminUrl) }), shareKeys(keysFile)]);
  process.env[TEST_POSTGRES] = JSON.stringify({ access, template } satisfies TestPostgres);
  process.env.NODE_COMPILE_CACHE ??= path('../../node_modules/.cache/node');
}

/** Another one for each text of what makes a thing that is kept: it outlives changes of that. */
async function digestOf(relative: string): Promise<string> {
  const folder = path(relative);
  const files = (await readdir(folder, { recursive: true })).filter((name) => /\.(sql|ts)$/.test(name));
  const hash = createHash('sha256');
  for (const file of files.sort()) hash.update(file).update(await readFile(join(folder, file)));
  return hash.digest('hex').slice(0, 12);
}
