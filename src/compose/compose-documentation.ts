import type { Installation } from '../http/openapi/description.ts';
import type { Settings } from '../settings/settings.ts';

/** What the OpenAPI document says about this installation. */
export function installationOf(
  { entra, server }: Settings,
  version: string,
  authorizationUrl: string,
): Installation {
  // A scope is requested by the resource's URI, or by its client id if it has none.
  const resource = entra.audiences.find((audience) => audience.includes('://')) ?? entra.clientId;
  return {
    version,
    roleNames: entra.roles,
    scope: `${resource}/${entra.requiredScope}`,
    authorizationUrl,
    tokenUrl: authorizationUrl.replace(/authorize$/, 'token'),
    viewer: server.docs,
  };
}
