import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Simulator } from '../../simulator/simulator.ts';
import { availablePort } from '../available-port.ts';
import { childEnvironment } from '../child-environment.ts';
import type { ServiceDatabase } from '../postgres/postgres-access.ts';
import { spawnWatched, type WatchedProcess } from '../watched-process.ts';
import { DemoFailure } from './demo-failure.ts';
import { signingKeyFile } from './demo-signing-key.ts';
import { serviceEnvironment } from './service-environment.ts';

const PORT = 8080;
const MANAGEMENT_PORT = 9090;
/** How long the service may take until it is ready, in milliseconds. */
const READY_MS = 30_000;

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export type Service = {
  url: string;
  managementUrl: string;
  logFile: string;
  /** Sentences about ports that are not the usual ones. */
  notes: string[];
  /** The exit code, if it ends by itself. */
  exited: Promise<number>;
  stop(): Promise<void>;
};

/** Brings the database's schema up to date, as an operator would. */
export async function migrate(database: ServiceDatabase): Promise<void> {
  const lines: string[] = [];
  const migration = await spawnWatched([process.execPath, program('../../src/cli/migrate.ts')], {
    env: environmentOf({ DATABASE_URL: database.url, DATABASE_ADMIN_URL: database.adminUrl }),
    cwd: root,
    output: (line) => lines.push(line),
  });
  const code = await migration.exited;
  if (code !== 0) throw new DemoFailure('The migration of the database failed.', lines.slice(-15));
}

type Surroundings = {
  dataDir: string;
  caFile: string;
  database: ServiceDatabase;
  simulator: Simulator;
  /** The portals' origins. With any, the API speaks HTTP, as behind a gateway: no browser knows our CA. */
  origins: readonly string[];
};
type Ports = { api: number; management: number };

/** Starts the service as a process of its own, and waits until it says it is ready. */
export async function startService(given: Surroundings, stopped: AbortSignal): Promise<Service> {
  const environment = {
    ...environmentFor(given),
    ...(given.origins.length > 0 ? {} : await certificate(given)),
    AUDIT_SIGNING_KEY_FILE: await signingKeyFile(given.dataDir),
  };

  const ports = { api: await availablePort(PORT), management: await availablePort(MANAGEMENT_PORT) };
  const logFile = join(given.dataDir, 'service.log');
  try {
    return await launch(environment, ports, logFile, stopped);
  } catch (error) {
    // Someone took a port after it was found free and before the service started.
    if (!(await lastLines(logFile)).some((line) => line.includes('EADDRINUSE'))) throw error;
    const others = { api: await availablePort(0), management: await availablePort(0) };
    return launch(environment, others, logFile, stopped);
  }
}

async function certificate({ dataDir, simulator }: Surroundings): Promise<NodeJS.ProcessEnv> {
  const certFile = join(dataDir, 'service-cert.pem');
  const keyFile = join(dataDir, 'service-key.pem');
  await writeFile(certFile, simulator.tls.certPem);
  await writeFile(keyFile, simulator.tls.keyPem, { mode: 0o600 });
  return { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile };
}

async function launch(
  environment: NodeJS.ProcessEnv,
  ports: Ports,
  logFile: string,
  stopped: AbortSignal,
): Promise<Service> {
  const log = openSync(logFile, 'w');
  const service = await spawnWatched([process.execPath, program('../../src/main.ts')], {
    cwd: root,
    output: log,
    env: { ...environment, PORT: String(ports.api), MANAGEMENT_PORT: String(ports.management) },
  }).finally(() => closeSync(log));
  const managementUrl = `http://localhost:${ports.management}`;
  try {
    await becomeReady(service, managementUrl, logFile, stopped);
  } catch (error) {
    await service.stop();
    throw error;
  }
  return {
    url: `${environment.TLS_CERT_FILE === undefined ? 'http' : 'https'}://localhost:${ports.api}`,
    managementUrl,
    logFile,
    notes: notesOn(ports),
    exited: service.exited,
    async stop() {
      await service.stop();
    },
  };
}

function notesOn(ports: Ports): string[] {
  const notes = [];
  if (ports.api !== PORT) notes.push(`Port ${PORT} is taken, so the API is at ${ports.api}.`);
  if (ports.management !== MANAGEMENT_PORT) {
    notes.push(`Port ${MANAGEMENT_PORT} is taken, so health and metrics are at ${ports.management}.`);
  }
  return notes;
}

/** The last lines the service logged. */
export async function lastLines(logFile: string): Promise<string[]> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-12);
}

async function becomeReady(
  service: WatchedProcess,
  managementUrl: string,
  logFile: string,
  stopped: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + READY_MS;
  let answer = 'nothing answers there yet';
  while (!stopped.aborted) {
    if (!service.running()) {
      throw new DemoFailure(
        `The service ended with exit code ${await service.exited} instead of starting.`,
        await lastLines(logFile),
      );
    }
    try {
      const response = await fetch(`${managementUrl}/readyz`, { signal: AbortSignal.timeout(2_000) });
      answer = `${response.status} ${(await response.text()).trim()}`;
      if (response.ok) return;
    } catch {} // not listening yet
    if (Date.now() > deadline) {
      throw new DemoFailure(
        `The service is not ready after ${READY_MS / 1000} s: ${managementUrl}/readyz says ${answer}.`,
        await lastLines(logFile),
      );
    }
    await delay(50);
  }
}

function environmentFor({ origins, ...given }: Surroundings): NodeJS.ProcessEnv {
  return environmentOf({
    ...serviceEnvironment(given),
    NODE_ENV: 'demo',
    ...(origins.length > 0 ? { CORS_ALLOWED_ORIGINS: origins.join(',') } : {}),
  });
}

/** Of this shell's settings only how much is logged, so that the demo is the same everywhere. */
function environmentOf(variables: Record<string, string>): NodeJS.ProcessEnv {
  return childEnvironment({ LOG_LEVEL: process.env.LOG_LEVEL || undefined, ...variables });
}
