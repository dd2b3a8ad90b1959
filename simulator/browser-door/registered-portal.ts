import { portalClientId, registration } from '../directory.ts';
import { EntraError } from '../entra-error.ts';
import { openIdScopes } from '../token-endpoint.ts';

/** What the simulated Entra has on record about the portal, a single-page application. */

// Entra ignores the port of a localhost redirect URI, and nothing else of it. The second is the page that
// MSAL's popup and silent flows come back to.
const redirectUri = /^http:\/\/localhost(?::[1-9]\d{0,4})?\/(?:redirect\.html)?$/;
const origin = /^http:\/\/localhost(?::[1-9]\d{0,4})?$/;

export const isRedirectUri = (uri: string) => redirectUri.test(uri);
export const isPortalOrigin = (given: string) => origin.test(given);

export const apiScopes = ['access_as_user', '.default'].map((name) => `${registration.audience}/${name}`);

export function checkClient(clientId: string | null): void {
  if (clientId?.toLowerCase() === portalClientId) return;
  throw new EntraError(700016, {
    detail: `Application with identifier '${clientId ?? ''}' (the portal's is ${portalClientId}).`,
  });
}

/** The scopes one by one; any that the portal may not ask for is refused. */
export function readScopes(scope: string | null): string[] {
  const scopes = (scope ?? '').split(' ').filter(Boolean);
  const unknown = scopes.find((one) => !openIdScopes.includes(one) && !apiScopes.includes(one));
  if (scopes.length > 0 && unknown === undefined) return scopes;
  throw new EntraError(70011, {
    detail: `The scope '${scope ?? ''}' is not valid. The portal may ask for ${openIdScopes.join(', ')} and ${apiScopes[0]}.`,
  });
}
