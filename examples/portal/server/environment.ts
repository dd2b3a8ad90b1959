/** What the portal's server is told; README.md has the table. */
export type PortalEnvironment = {
  readonly port: number;
  readonly host: string;
  readonly apiBaseUrl: string;
  readonly authority: string;
  readonly clientId: string;
  readonly apiScope: string;
  readonly authorityMetadata: object | null;
  /** Where people sign in, besides the authority's own origin. */
  readonly signInOrigin: string | null;
};

export class UnusableEnvironment extends Error {}

/** Fails with every variable that is missing or wrong, by name and never with its value. */
export function loadEnvironment(variables: NodeJS.ProcessEnv): PortalEnvironment {
  const complaints: string[] = [];
  const read = <Value>(name: string, parse: (value: string) => Value, fallback?: Value): Value => {
    const value = variables[name]?.trim() ?? '';
    if (value === '') {
      if (fallback === undefined) complaints.push(`${name} is required`);
      return fallback as Value;
    }
    try {
      return parse(value);
    } catch (error) {
      complaints.push(`${name} ${error instanceof Error ? error.message : 'is not usable'}`);
      return fallback as Value;
    }
  };

  const environment = {
    port: read('PORTAL_PORT', port, 5173),
    host: read('PORTAL_HOST', (value) => value, 'localhost'),
    apiBaseUrl: read('PORTAL_API_BASE_URL', webAddress),
    authority: read('PORTAL_AUTHORITY', webAddress),
    clientId: read('PORTAL_CLIENT_ID', guid),
    apiScope: read('PORTAL_API_SCOPE', (value) => value),
    authorityMetadata: read<object | null>('PORTAL_AUTHORITY_METADATA', jsonObject, null),
    signInOrigin: read<string | null>(
      'PORTAL_SIGN_IN_ORIGIN',
      (value) => new URL(webAddress(value)).origin,
      null,
    ),
  };
  if (complaints.length > 0) throw new UnusableEnvironment(complaints.join('; '));
  return environment;
}

function port(value: string): number {
  const number = Number(value);
  if (!/^\d{1,5}$/.test(value) || number > 65_535)
    throw new Error('must be a port number from 0 (any) to 65535');
  return number;
}

// A token goes there, so it is https; only this machine may do without.
function webAddress(value: string): string {
  const url = URL.parse(value);
  const local = url?.hostname === 'localhost' || url?.hostname === '127.0.0.1';
  if (url === null || !(url.protocol === 'https:' || (url.protocol === 'http:' && local))) {
    throw new Error('must be an https address, or http on localhost');
  }
  return value.replace(/\/$/, '');
}

function guid(value: string): string {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) throw new Error('must be a GUID');
  return value;
}

function jsonObject(value: string): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw new Error('must be JSON');
  }
  if (typeof parsed !== 'object' || parsed === null) throw new Error('must be a JSON object');
  return parsed;
}
