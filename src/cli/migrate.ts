import { LaterSchema, migrate } from '../adapters/database/migrate.ts';
import { secretFrom } from '../adapters/files/followed-secret.ts';
import { loadDatabaseSettings } from '../settings/settings.ts';
import { SettingsError } from '../settings/settings-error.ts';

/** `npm run migrate`: brings the schema up to date as DATABASE_ADMIN_URL (default DATABASE_URL) and
 *  grants the role of DATABASE_URL what the service needs. Exits 0 when done, or when a later release has migrated
 *  already (after a rollback); 1 when not. */
try {
  const { url, adminUrl } = loadDatabaseSettings();
  const done = await migrate({ url: secretFrom(url), adminUrl: secretFrom(adminUrl ?? url) });
  console.log(done.length === 0 ? 'The schema is up to date.' : `Migrated: ${done.join(', ')}.`);
} catch (error) {
  if (error instanceof LaterSchema) {
    console.log(
      `Nothing was changed: the schema is of a later release (${error.migrations.join(', ')}). This one works beside it.`,
    );
    process.exit(0);
  }
  if (error instanceof SettingsError) console.error(error.message);
  else console.error(`The migration failed: ${error instanceof Error ? error.message : 'unknown error'}`);
  process.exit(1);
}
