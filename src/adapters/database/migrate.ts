import { Kysely, PostgresDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import type { Secret } from '../../core/secret.ts';
import { connectionConfigFrom } from './connection-config.ts';
import { grants, migrations } from './migrations/migrations.ts';

/** Brings the schema up to date as its owner (`adminUrl`) and grants the service's role (the user of
 *  `url`) what it needs. Safe to run twice, by two at once, and beside running pods. Gives the names of
 *  the migrations that were run. */
export async function migrate(urls: { adminUrl: Secret; url: Secret }): Promise<string[]> {
  const pool = new pg.Pool({ ...connectionConfigFrom(urls.adminUrl), max: 1 });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
    const { error, results = [] } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    await grantTo(db, userOf(urls.url));
    return results.map((result) => result.migrationName);
  } finally {
    await db.destroy();
  }
}

async function grantTo(db: Kysely<unknown>, role: string | null): Promise<void> {
  const owner = await sql<{ name: string }>`select current_user as name`.execute(db);
  if (role === null || role === owner.rows[0]?.name) return;
  await sql`grant usage on schema public to ${sql.id(role)}`.execute(db);
  for (const grant of grants) await sql`grant ${sql.raw(grant)} to ${sql.id(role)}`.execute(db);
}

function userOf(url: Secret): string | null {
  const user = URL.parse(url.reveal())?.username ?? '';
  return user === '' ? null : decodeURIComponent(user);
}
