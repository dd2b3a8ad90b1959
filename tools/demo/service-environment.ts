import type { Simulator } from '../../simulator/simulator.ts';
import type { ServiceDatabase } from '../postgres/postgres-access.ts';

/** What a service has to know that runs against the simulator and such a database. */
export function serviceEnvironment(of: {
  simulator: Simulator;
  database: ServiceDatabase;
  caFile: string;
}): Record<string, string> {
  const { simulator, database, caFile } = of;
  return {
    HOST: '127.0.0.1',
    AZURE_AUTHORITY_HOST: simulator.url,
    GRAPH_BASE_URL: `${simulator.url}/beta`,
    GRAPH_SCOPE: simulator.registration.graphScope,
    AZURE_TENANT_ID: simulator.registration.tenantId,
    AZURE_CLIENT_ID: simulator.registration.clientId,
    AZURE_CLIENT_SECRET: simulator.registration.clientSecret,
    ALLOWED_TENANT_IDS: [simulator.registration.tenantId, simulator.otherTenantId].join(','),
    ALLOWED_CLIENT_IDS: simulator.portalClientId,
    DATABASE_URL: database.url,
    NODE_EXTRA_CA_CERTS: caFile,
  };
}
