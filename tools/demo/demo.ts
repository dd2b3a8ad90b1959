import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { availablePort } from '../available-port.ts';
import { startPostgres } from '../postgres/postgres.ts';
import { onEnd } from './demo-end.ts';
import { DemoFailure } from './demo-failure.ts';
import { lockDemo } from './demo-lock.ts';
import { type Portals, preparePortals, showHowToReconnect } from './demo-portals.ts';
import { proveTheTrail } from './demo-proof.ts';
import { report } from './demo-report.ts';
import { lastLines, migrate, type Service, startService } from './demo-service.ts';
import { showMainJob } from './demo-story.ts';

const SIMULATOR_PORT = 8443;
const BROWSER_PORT = 8444;

const usage = `Usage: npm run demo [-- --once]

Runs the whole path on this machine: PostgreSQL, a local Entra ID and Graph, the service and two
portals, all on 127.0.0.1 only. Stays up until Ctrl-C.

  --once    runs without the portals and exits
  --help    says this

DEMO_DATA_DIR is where its data is kept (data). Ports that are taken are replaced by free ones.
`;
const dataDir = resolve(process.env.DEMO_DATA_DIR ?? 'data');
const stop = new AbortController();
process.exitCode = await runDemo();

/** Runs until it has shown the main job (`--once`) or someone ends it. Returns the exit code. */
async function runDemo(): Promise<number> {
  process.stdout.on('error', () => stop.abort()); // read through `head`, say
  onEnd(() => stop.abort());
  const undo: (() => Promise<void>)[] = [];
  try {
    const { once, help } = readArguments();
    if (help) process.stdout.write(usage);
    else await play(once, undo);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    if (error instanceof DemoFailure) report.failure(error.message, error.details);
    else report.failure(`The demo failed: ${error instanceof Error ? error.message : String(error)}`, []);
    return 1;
  } finally {
    // In the opposite order of starting, and each whatever became of the others.
    for (const each of undo.reverse()) await each().catch(() => {});
    if (stop.signal.aborted) report.end('Stopped.');
  }
}

async function play(once: boolean, undo: (() => Promise<void>)[]): Promise<void> {
  report.title('chromeos-connector-bff: the main job, on this machine');
  const lock = await lockDemo(dataDir);
  undo.push(lock.release);
  const portals = once ? undefined : await preparePortals(undo);

  let reported = false;
  const onWaiting = () => {
    if (!reported) report.faint('Waiting for the PostgreSQL of an earlier run to end.');
    reported = true;
  };
  const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres'), onWaiting });
  undo.push(postgres.stop);
  report.step('PostgreSQL', `127.0.0.1:${postgres.port}, data kept in ${postgres.dataDir}`);
  if (stop.signal.aborted) return;

  const database = await postgres.createDatabase('chromeos_bff');
  await migrate(database);
  report.step('schema', 'is current');
  if (stop.signal.aborted) return;

  const caFile = join(dataDir, 'demo-ca.pem');
  const simulator = await startSimulatorSomewhere(caFile);
  undo.push(simulator.close);
  report.step('simulator', `${simulator.url}, in the place of Entra ID and Microsoft Graph`);
  if (simulator.port !== SIMULATOR_PORT) {
    report.note(`Port ${SIMULATOR_PORT} is taken, so the simulator is at ${simulator.port}.`);
  }

  const origins = portals?.origins ?? [];
  const service = await startService({ dataDir, caFile, database, simulator, origins }, stop.signal);
  undo.push(service.stop);
  report.step('service', `${service.url}, logs to ${service.logFile}`);
  for (const note of service.notes) report.note(note);
  if (stop.signal.aborted) return;
  await portals?.start(service, simulator);
  if (stop.signal.aborted) return;

  await showMainJob({
    service,
    simulator,
    caFile,
    epilogue: () => proveTheTrail({ service, simulator, dataDir, databaseUrl: database.url }),
  }).catch(async (error: unknown) => {
    if (error instanceof DemoFailure && error.details.length > 0) throw error;
    const sentence = error instanceof Error ? error.message : String(error);
    throw new DemoFailure(sentence, await lastLines(service.logFile));
  });
  if (!portals) return;
  listAddresses({ portals, service, simulator, databaseUrl: postgres.superuserUrl('chromeos_bff'), caFile });
  await untilEnded(service);
}

async function startSimulatorSomewhere(caFile: string): Promise<Simulator> {
  const [port, browserPort] = [await availablePort(SIMULATOR_PORT), await availablePort(BROWSER_PORT)];
  try {
    return await startSimulator({ port, browserPort, caFile });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return startSimulator({ port: 0, caFile });
  }
}

function listAddresses(of: {
  portals: Portals;
  service: Service;
  simulator: Simulator;
  databaseUrl: string;
  caFile: string;
}): void {
  const { portals, service, simulator, databaseUrl, caFile } = of;
  report.title('Everything stays up');
  portals.list();
  report.line(`API         ${service.url}/docs`);
  report.line(`health      ${service.managementUrl}/readyz, ${service.managementUrl}/livez`);
  report.line(`metrics     ${service.managementUrl}/metrics`);
  report.line(`simulator   ${simulator.url}/simulator (its help page)`);
  report.line(`database    ${databaseUrl}`);
  report.line(`CA          ${caFile}`);
  report.line(`log         ${service.logFile}`);
  showHowToReconnect(caFile, simulator);
  report.end('Ctrl-C ends it.');
}

async function untilEnded(service: Service): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    if (stop.signal.aborted) resolve();
    stop.signal.addEventListener('abort', () => resolve());
  });
  const code = await Promise.race([ended, service.exited]);
  if (code !== undefined && !stop.signal.aborted) {
    throw new DemoFailure(`The service ended with exit code ${code}.`, await lastLines(service.logFile));
  }
}

function readArguments(): { once: boolean; help: boolean } {
  try {
    const { values } = parseArgs({
      options: { once: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    });
    return values;
  } catch (error) {
    throw new DemoFailure(`${(error as Error).message.replace(/\.$/, '')}. ${usage}`);
  }
}
