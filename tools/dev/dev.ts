import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSimulator } from '../../simulator/simulator.ts';
import { availablePort } from '../available-port.ts';
import { childEnvironment } from '../child-environment.ts';
import { onEnd } from '../demo/demo-end.ts';
import { serviceEnvironment } from '../demo/service-environment.ts';
import { startPostgres } from '../postgres/postgres.ts';
import { spawnWatched } from '../watched-process.ts';

/** `npm run dev`: a PostgreSQL whose data is kept, the simulator, and the service against both. `node --watch`
 *  runs it: a change of the simulator starts all of it again, one of the service only the service. */
const dataDir = resolve(process.env.DEV_DATA_DIR ?? 'data');
const root = fileURLToPath(new URL('../..', import.meta.url));
const stop = new AbortController();
onEnd(() => stop.abort());

await using cleanUp = new AsyncDisposableStack();
const postgres = await startPostgres({ dataDir: join(dataDir, 'dev-postgres') });
cleanUp.defer(postgres.stop);
const database = await postgres.createDatabase('chromeos_bff');

const caFile = join(dataDir, 'dev-ca.pem');
const [port, browserPort] = [await availablePort(8443), await availablePort(8444)];
const simulator = await startSimulator({ port, browserPort, caFile });
cleanUp.defer(simulator.close);

const ports = { PORT: await availablePort(8080), MANAGEMENT_PORT: await availablePort(9090) };
const service = await spawnWatched(
  [process.execPath, '--watch', '--watch-preserve-output', join(root, 'tools/dev/migrate-and-serve.ts')],
  {
    cwd: root,
    output: 1,
    env: childEnvironment({
      ...serviceEnvironment({ simulator, database, caFile }),
      DATABASE_ADMIN_URL: database.adminUrl,
      CORS_ALLOWED_ORIGINS: 'http://localhost:5173',
      LOG_LEVEL: process.env.LOG_LEVEL,
      PORT: String(ports.PORT),
      MANAGEMENT_PORT: String(ports.MANAGEMENT_PORT),
    }),
  },
);
cleanUp.defer(async () => void (await service.stop()));

console.log(`
API         http://localhost:${ports.PORT}/docs
health      http://localhost:${ports.MANAGEMENT_PORT}/readyz?verbose
simulator   ${simulator.url}/simulator (its help page)
token       curl --cacert '${caFile}' ${simulator.url}/simulator/token/admin
database    ${database.adminUrl}

Restarts on change. Ctrl-C ends it.
`);
await new Promise<void>((done) => stop.signal.addEventListener('abort', () => done(), { once: true }));
