import { readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { domainOf } from '../../simulator/directory.ts';
import type { Simulator } from '../../simulator/simulator.ts';
import { childEnvironment } from '../child-environment.ts';
import { spawnWatched } from '../watched-process.ts';
import { DemoFailure } from './demo-failure.ts';

/** How long the portal's server may take until it listens, in milliseconds. */
const READY_MS = 20_000;

const folder = fileURLToPath(new URL('../../examples/portal', import.meta.url));

export type Portal = { url: string; stop(): Promise<void> };

/** Builds the pages of examples/portal, unless they were built since its last change. */
export async function buildPortal(undo: (() => Promise<void>)[]): Promise<void> {
  if (await isBuilt()) return;
  const lines: string[] = [];
  const build = await spawnWatched([process.execPath, viteProgram(), 'build'], {
    cwd: folder,
    env: childEnvironment(),
    output: (line) => lines.push(line),
  });
  undo.push(async () => void (await build.stop()));
  const code = await build.exited;
  if (code !== 0) throw new DemoFailure('The portal could not be built.', lines.slice(-15));
}

/** Serves the portal for one tenant, as a process of its own, and waits until it says where it is. */
export async function startPortal(given: {
  port: number;
  tenantId: string;
  apiBaseUrl: string;
  simulator: Simulator;
}): Promise<Portal> {
  const { port, simulator, tenantId, apiBaseUrl } = given;
  const lines: string[] = [];
  const said = Promise.withResolvers<string>();
  const server = await spawnWatched([process.execPath, join(folder, 'server.ts')], {
    cwd: folder,
    env: childEnvironment({
      PORTAL_PORT: String(port),
      PORTAL_API_BASE_URL: apiBaseUrl,
      PORTAL_AUTHORITY: `${simulator.url}/${tenantId}`,
      PORTAL_CLIENT_ID: simulator.portalClientId,
      PORTAL_API_SCOPE: `${simulator.registration.audience}/access_as_user`,
      PORTAL_AUTHORITY_METADATA: await openIdConfiguration(simulator, tenantId),
      PORTAL_SIGN_IN_ORIGIN: simulator.browserUrl,
    }),
    output(line) {
      lines.push(line);
      const url = addressIn(line);
      if (url !== undefined) said.resolve(url);
    },
  });
  const url = await Promise.race([said.promise, server.exited, deadline()]);
  if (typeof url !== 'string') {
    await server.stop();
    throw new DemoFailure(`The portal for ${domainOf(tenantId)} did not start.`, lines.slice(-15));
  }
  return { url, stop: async () => void (await server.stop()) };
}

/** Where the browser door has what, for MSAL: it takes this in the place of looking it up at the authority,
 *  whose certificate no browser knows. */
async function openIdConfiguration(simulator: Simulator, tenantId: string): Promise<string> {
  const url = `${simulator.browserUrl}/${tenantId}/v2.0/.well-known/openid-configuration`;
  return (await fetch(url)).text();
}

function addressIn(line: string): string | undefined {
  try {
    const { portal } = JSON.parse(line) as { portal?: unknown };
    return typeof portal === 'string' ? portal : undefined;
  } catch {
    return undefined;
  }
}

async function isBuilt(): Promise<boolean> {
  const built = await changedAt(join(folder, 'dist', 'index.html'));
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sources = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => !/^(dist|node_modules)\b/.test(relative(folder, file)));
  const changes = await Promise.all(sources.map(changedAt));
  return changes.every((change) => change < built);
}

/** 0 for a file that is not there. */
async function changedAt(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
}

function viteProgram(): string {
  try {
    const manifest = createRequire(join(folder, 'package.json')).resolve('vite/package.json');
    return join(dirname(manifest), 'bin', 'vite.js');
  } catch {
    throw new DemoFailure('The portal could not be built: vite is not installed. Run: npm ci');
  }
}

const deadline = () => delay(READY_MS, undefined, { ref: false });
