import { connectionConfigFrom } from '../../adapters/database/connection-config.ts';
import { secretFrom } from '../../adapters/files/followed-secret.ts';
import type { ChainReport } from '../../audit-verification/chain-proofs.ts';
import { verifyStored } from '../../audit-verification/stored-chains.ts';
import { loadDatabaseSettings } from '../../settings/settings.ts';
import { withClient } from './with-client.ts';

/** Verifies the audit trail in the database of DATABASE_URL. Throws `SettingsError`. */
export function verifyDatabase(options: Parameters<typeof verifyStored>[1]): Promise<ChainReport[]> {
  const config = connectionConfigFrom(secretFrom(loadDatabaseSettings().url));
  return withClient(config, (client) => verifyStored(client, options));
}
