/** What differs between installations: `server.ts` makes it of its environment, and serves it as
 *  `/config.json`. Nothing in it is secret. */
export type PortalConfig = {
  readonly apiBaseUrl: string;
  readonly authority: string;
  readonly clientId: string;
  readonly apiScope: string;
  /** An OpenID configuration to use instead of the authority's own; only with the simulator. */
  readonly authorityMetadata: object | null;
};

/** Fails where the server has none. */
export async function loadConfig(): Promise<PortalConfig> {
  const answer = await fetch('./config.json', { cache: 'no-store' });
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  return answer.json();
}
