import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { buildService } from '../../tools/bench/build.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import { until } from '../support/processes.ts';
import { simulatorKeys } from '../support/shared-keys.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
let simulator: Simulator;
let database: TestDatabase;
let shell: ChildProcess | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'running-it-'));
  [simulator, database] = await Promise.all([startSimulator(simulatorKeys()), testDatabase()]);
});

after(async () => {
  killGroup('SIGKILL');
  await simulator?.close();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

test('the README’s commands start the service, with what they name and nothing else', async () => {
  await using cleanUp = new AsyncDisposableStack();
  const built = join(folder, 'service');
  await buildService(built, cleanUp);
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, simulator.caPem);

  const output: string[] = [];
  shell = spawn('/bin/sh', ['-ec', await commands()], {
    cwd: built,
    // So that the cloud is the simulator, and the ports are free ones.
    env: childEnvironment({
      AZURE_AUTHORITY_HOST: simulator.url,
      GRAPH_BASE_URL: `${simulator.url}/beta`,
      GRAPH_SCOPE: simulator.registration.graphScope,
      NODE_EXTRA_CA_CERTS: caFile,
      PORT: '0',
      MANAGEMENT_PORT: '0',
    }),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [shell.stdout, shell.stderr])
    stream?.on('data', (chunk) => output.push(String(chunk)));
  const ended = once(shell, 'close');
  let over = false;
  void ended.then(() => {
    over = true;
  });

  const managementPort = () => /"managementPort":(\d+)/.exec(output.join(''))?.[1];
  await until('the service listens', () => over || managementPort() !== undefined);
  assert.ok(!over, output.join(''));
  await until('it is ready', async () => {
    const { status } = await fetch(`http://localhost:${managementPort()}/readyz`);
    return status === 200;
  });
  killGroup('SIGTERM');
  await ended;
});

/** The block below "Running it" with each `…` filled in. Packages are installed
 *  and the service is built already: both have a step of their own in `.ci/run`. */
async function commands(): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const block = /^## Running it\n\n```sh\n([\s\S]*?)```/m.exec(readme)?.[1] ?? assert.fail('no commands');
  const values: Record<string, string> = {
    AZURE_TENANT_ID: simulator.registration.tenantId,
    AZURE_CLIENT_ID: simulator.registration.clientId,
    AZURE_CLIENT_SECRET: simulator.registration.clientSecret,
    ALLOWED_CLIENT_IDS: simulator.portalClientId,
    DATABASE_URL: database.url,
    DATABASE_ADMIN_URL: database.adminUrl,
  };
  return block
    .replace('npm ci && npm run build\n', '')
    .replace(/([A-Z_]+)=…/g, (_, name: string) => `${name}='${values[name] ?? assert.fail(name)}'`);
}

/** The shell, npm and the service below it. */
function killGroup(signal: NodeJS.Signals): void {
  if (shell?.pid === undefined || shell.exitCode !== null || shell.signalCode !== null) return;
  process.kill(-shell.pid, signal);
}
