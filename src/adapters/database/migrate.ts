import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import pg from 'pg';
import type { Secret } from '../../core/secret.ts';
import { connectionConfigFrom, primaryConfigFrom } from './connection-config.ts';
import { firstRow } from './first-row.ts';
import { functions } from './functions/functions.ts';
import { grants, tables } from './grants.ts';
import { migrations } from './migrations/migrations.ts';

/** The schema is of a later release than this build. Nothing was changed, nor need it be: a schema only grows, so
 *  this build works beside it. To migrate with it would put older functions in the place of newer ones. */
export class LaterSchema extends Error {
  readonly migrations: readonly string[];

  constructor(migrations: readonly string[]) {
    super(`the schema is of a later release (${migrations.join(', ')}): nothing was changed`);
    this.name = 'LaterSchema';
    this.migrations = migrations;
  }
}

/** Brings the schema up to date as its owner (`adminUrl`), applies each function whose text has changed, and
 *  grants the service's role (the user of `url`) what it needs: all of it in one transaction, or nothing. Safe
 *  to run twice, by several at once, and beside running pods: where a lock cannot be had within three seconds it fails,
 *  and has changed nothing. Returns the names of what was migrated or applied. Fails with `LaterSchema` where a later
 *  release has migrated the database. */
export async function migrate(urls: { adminUrl: Secret; url: Secret }): Promise<string[]> {
  const pool = new pg.Pool(await primaryConfigFrom(urls.adminUrl));
  // The query under way fails with it.
  pool.on('error', () => {});
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    return await db.transaction().execute(async (transaction) => {
      // One at a time, to the end of the transaction. Kysely's own lock begins too late for two at once on an
      // empty database, and what follows the migrations is to be inside it.
      await sql`select pg_advisory_xact_lock(hashtextextended('chromeos-connector-bff migrate', 0))`.execute(
        transaction,
      );
      await requirePublicSchema(transaction);
      await refuseLaterSchema(transaction);
      const migrated = await runMigrations(transaction);
      await limitWaiting(transaction);
      const applied = await applyFunctions(transaction);
      await grantTo(transaction, userOf(urls.url));
      return [...migrated, ...applied];
    });
  } finally {
    await db.destroy();
  }
}

/** Whoever writes waits behind us while we wait for a lock: better to fail, and to be run again. What we do
 *  ourselves takes as long as it takes, whatever the role says. */
async function limitWaiting(transaction: Kysely<unknown>): Promise<void> {
  await sql`select set_config('lock_timeout', '3s', true), set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true)`.execute(transaction);
}

/** Runs what is missing of the migrations, and returns their names. Fails with what PostgreSQL said of the one that
 *  failed: Kysely goes on in the transaction that this has ended, and fails with that. */
async function runMigrations(transaction: Transaction<unknown>): Promise<string[]> {
  let cause: unknown;
  const migrationOf = (text: string): Migration => ({
    up: async (db) => {
      try {
        // Kysely allows an hour, and says so before each run.
        await limitWaiting(db);
        await sql.raw(text).execute(db);
      } catch (error) {
        cause = error;
        throw error;
      }
    },
  });
  const found = Object.entries(migrations).map(([name, text]) => [name, migrationOf(text)]);
  const migrator = new Migrator({
    db: transaction,
    provider: { getMigrations: async () => Object.fromEntries(found) },
  });
  try {
    const { error, results = [] } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    return results.map(({ migrationName }) => migrationName);
  } catch (error) {
    throw cause ?? error;
  }
}

/** Applies each function that is not in the database as this build knows it. */
async function applyFunctions(transaction: Transaction<unknown>): Promise<string[]> {
  const applied: string[] = [];
  for (const { name, text, digest } of functions) {
    const { rows } = await sql<{ body: string; latest: string | null }>`
      select prosrc as body, (
        select digest from applied_functions where name = ${name} order by applied_at desc limit 1
      ) as latest
      from pg_proc where pronamespace = 'public'::regnamespace and proname = ${name}`.execute(transaction);
    // The body too, in case somebody replaced it by hand.
    if (rows.some(({ body, latest }) => latest === digest && text.includes(body))) continue;
    await sql.raw(text).execute(transaction);
    await sql`
      insert into applied_functions (name, digest) values (${name}, ${digest})
      on conflict (name, digest) do update set applied_at = excluded.applied_at`.execute(transaction);
    applied.push(name);
  }
  return applied;
}

async function refuseLaterSchema(transaction: Transaction<unknown>): Promise<void> {
  const found = await sql<{ there: boolean }>`
    select to_regclass('kysely_migration') is not null as there`.execute(transaction);
  if (!firstRow(found.rows).there) return;
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(
    transaction,
  );
  const later = rows.map(({ name }) => name).filter((name) => !(name in migrations));
  if (later.length > 0) throw new LaterSchema(later);
}

/** Functions look in `public` and nowhere else, and two schemas of ours in one database would share locks. Refused
 *  before anything is changed. */
async function requirePublicSchema(transaction: Transaction<unknown>): Promise<void> {
  const { rows } = await sql<{ name: string | null }>`select current_schema() as name`.execute(transaction);
  const { name } = firstRow(rows);
  if (name === 'public') return;
  const found = name === null ? 'there is none it may use' : `it is ${name}`;
  throw new Error(
    `the first schema in the search_path of DATABASE_ADMIN_URL has to be public, and ${found}: nothing was changed`,
  );
}

async function grantTo(transaction: Transaction<unknown>, role: string | null): Promise<void> {
  const owner = await sql<{ name: string }>`select current_user as name`.execute(transaction);
  if (role === null || role === firstRow(owner.rows).name) return;
  for (const table of tables) {
    await sql`revoke insert, update, delete, truncate on ${sql.table(table)} from ${sql.id(role)}`.execute(
      transaction,
    );
  }
  await sql`grant usage on schema public to ${sql.id(role)}`.execute(transaction);
  for (const grant of grants) await sql`grant ${sql.raw(grant)} to ${sql.id(role)}`.execute(transaction);
}

function userOf(url: Secret): string | null {
  const user = URL.parse(connectionConfigFrom(url).connectionString ?? '')?.username ?? '';
  return user === '' ? null : decodeURIComponent(user);
}
