/** The claims that the API demands of the next sign-in, as JSON, out of `WWW-Authenticate`; `null` where it
 *  demands none. A header may hold several challenges, with or without quotes around their values. */
export function demandedClaims(header: string | null): string | null {
  if (header === null) return null;
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, bare] of header.matchAll(
    /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g,
  )) {
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '');
  }
  const claims = parameters.get('claims');
  if (parameters.get('error') !== 'insufficient_claims' || claims === undefined) return null;
  try {
    const bytes = Uint8Array.from(atob(claims), (character) => character.charCodeAt(0));
    const json = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return isObject(JSON.parse(json)) ? json : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
