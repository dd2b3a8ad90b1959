import type { Installation } from '../http/openapi/description.ts';
import type { Settings } from '../settings/settings.ts';

/** What the OpenAPI document tells of this installation. */
export function installationOf(
  { entra, server }: Settings,
  version: string,
  authorizationUrl: string,
): Installation {
  // A scope is asked for by the resource's URI; its client id does where it has none.
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
