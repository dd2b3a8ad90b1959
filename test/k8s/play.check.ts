import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { stringify } from 'yaml';
import { engineEnvironment, run } from '../image/engine.ts';
import { until } from '../support/processes.ts';
import { find, type Loose, type Resource, render, workloadsOf } from './render.ts';

const network = 'chromeos-connector-bff-ci';
// overlays/ci/addresses.yaml knows the first two.
const address = {
  postgres: '10.89.77.10',
  simulator: '10.89.77.11',
  service: ['10.89.77.12', '10.89.77.13'],
};
const service = 'chromeos-connector-bff';
const disconnectPath = '/api/v1/deviceManagement/chromeOSOnboardingSettings/disconnect';

describe('overlays/ci, played', () => {
  const folder = mkdtempSync(join(tmpdir(), 'play-'));
  const resources = render('overlays/ci');
  const played: string[] = [];
  const secrets: string[] = [];
  let volumesBefore: string[];
  let pool: pg.Pool;
  let authority: string;

  before(async () => {
    assert.equal(await podman('info', '--format', '{{.Host.Security.Rootless}}'), 'false', 'needs root');
    volumesBefore = await volumes();
    await podman('network', 'create', '--subnet=10.89.77.0/24', network);
    for (const secret of resources.filter(({ kind }) => kind === 'Secret')) {
      writeFileSync(join(folder, 'secret'), asPodmanReadsIt(secret));
      await podman('secret', 'create', secret.metadata.name, join(folder, 'secret'));
      secrets.push(secret.metadata.name);
    }
    pool = new pg.Pool({
      connectionString: `postgres://chromeos_bff_owner:local-only@${address.postgres}/chromeos_bff`,
      max: 1,
    });
    pool.on('error', () => {});
  });

  after(async () => {
    await pool?.end();
    for (const file of played.toReversed()) await run(['kube', 'down', file]);
    for (const secret of secrets) await run(['secret', 'rm', secret]);
    await run(['network', 'rm', '--force', network]);
    const made = (await volumes()).filter((name) => !volumesBefore.includes(name));
    if (made.length > 0) await run(['volume', 'rm', '--force', ...made]);
    rmSync(folder, { recursive: true });
    const left = await podman('pod', 'ls', '--quiet', '--filter', `network=${network}`);
    assert.equal(left, '', 'nothing is left');
  });

  it('PostgreSQL takes connections', async () => {
    await play('Deployment', 'postgres', [address.postgres]);
    let problem = '';
    await until('PostgreSQL answers', async () => {
      problem = await pool.query('select 1').then(
        () => '',
        (error: Error) => error.message,
      );
      if (problem !== '') await running('postgres-pod-0-postgres');
      return problem === '';
    }).catch(async (error: Error) => {
      throw new Error(`${error.message}: ${problem}\n${await podman('logs', 'postgres-pod-0-postgres')}`);
    });
    const { rows } = await pool.query('show max_connections');
    assert.equal(rows[0].max_connections, '100');
  });

  it('the simulator hands out its certificate authority', async () => {
    await play('Deployment', 'simulator', [address.simulator]);
    await until('the simulator answers', async () => {
      const answer = await fetch(`http://${address.simulator}:8081/`).catch(() => null);
      authority = answer?.ok ? await answer.text() : '';
      return authority !== '';
    });
    assert.match(await simulator('GET', '/simulator'), /Entra ID/);
  });

  it('two pods of the service live, and are not ready before the schema is', async () => {
    await play('Deployment', service, address.service);
    for (const pod of [0, 1]) {
      await until(`pod ${pod} lives`, async () => {
        await running(`${service}-pod-${pod}-service`);
        return (await statusOf(pod, '/livez')) === 200;
      });
      const { status, text } = await management(pod, '/readyz');
      assert.equal(status, 503);
      assert.match(text, /schema/);
    }
  });

  it('the migration runs, once and again', async () => {
    for (const said of [/^Migrated: /, /up to date/]) {
      const file = await play('Pod', `${service}-migrate`, []);
      assert.equal(await podman('wait', `${service}-migrate-migrate`), '0');
      assert.match(await podman('logs', `${service}-migrate-migrate`), said);
      await podman('kube', 'down', file);
    }
  });

  it('both pods become ready', async () => {
    for (const pod of [0, 1]) {
      await until(`pod ${pod} is ready`, async () => (await statusOf(pod, '/readyz')) === 200);
    }
  });

  it('one pod disconnects, and the other shows the record', async () => {
    const token = await simulator('GET', '/simulator/token/admin');
    const answer = await fetch(`http://${address.service[0]}:8080${disconnectPath}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.trim()}` },
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    const { value, operationId } = (await answer.json()) as Loose;
    assert.equal(value, 'inprogress');

    const auditor = await simulator('GET', '/simulator/token/auditor');
    const trail = await fetch(
      `http://${address.service[1]}:8080/api/v1/audit/events?operationId=${operationId}`,
      { headers: { authorization: `Bearer ${auditor.trim()}` } },
    );
    const { events } = (await trail.json()) as Loose;
    assert.deepEqual(
      events.map((event: { event: string; result: string }) => [event.event, event.result]),
      [
        ['outcome', 'accepted'],
        ['attempt', 'pending'],
      ],
    );
    const calls = JSON.parse(await simulator('GET', '/simulator/calls?endpoint=disconnect'));
    assert.equal(calls.length, 1);
  });

  it('every container is confined as its manifest says', async () => {
    for (const { resource, pod } of workloadsOf(resources)) {
      if (resource.kind === 'Pod') continue; // has ended
      for (const container of pod.containers) {
        const name = `${resource.metadata.name}-pod-0-${container.name}`;
        const pid = await podman('inspect', '--format', '{{.State.Pid}}', name);
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const field = (key: string) => new RegExp(`^${key}:\\s*(\\S+)`, 'm').exec(status)?.[1];
        assert.equal(field('Uid'), String(pod.securityContext.runAsUser), name);
        assert.equal(field('CapBnd'), '0000000000000000', name);
        assert.equal(field('NoNewPrivs'), '1', name);
        assert.equal(field('Seccomp'), '2', name);
        const rootOptions = /^\S+ \/ \S+ (\S+)/m.exec(readFileSync(`/proc/${pid}/mounts`, 'utf8'))?.[1];
        assert.ok(rootOptions?.split(',').includes('ro'), `${name}: ${rootOptions}`);
        const limit = Number.parseInt(container.resources.limits.memory, 10) * 1024 * 1024;
        assert.equal(
          await podman('inspect', '--format', '{{.HostConfig.Memory}}', name),
          String(limit),
          name,
        );
      }
    }
  });

  it('the service stays well inside what it asks for', async () => {
    const { text } = await management(0, '/metrics');
    const resident = Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1]);
    const [container] = find(resources, 'Deployment', service).spec.template.spec.containers;
    const requested = Number.parseInt(container.resources.requests.memory, 10) * 1024 * 1024;
    assert.ok(resident > 0 && resident < requested, `${Math.round(resident / 1024 / 1024)} MiB`);
  });

  it('a pod that is stopped ends by itself, in time and well', async () => {
    const { terminationGracePeriodSeconds } = find(resources, 'Deployment', service).spec.template.spec;
    await podman('pod', 'stop', `--time=${terminationGracePeriodSeconds}`, `${service}-pod-1`);
    assert.equal(await podman('inspect', '--format', '{{.State.ExitCode}}', `${service}-pod-1-service`), '0');
    assert.equal(await statusOf(0, '/readyz'), 200, 'the other serves on');
  });

  /** Plays one resource with the ConfigMaps, at these addresses. */
  async function play(kind: string, name: string, addresses: readonly string[]): Promise<string> {
    const file = join(folder, `${kind}-${name}.yaml`);
    const resource = structuredClone(find(resources, kind, name));
    // podman would take each of these ports on the machine itself, and two pods cannot both have it.
    for (const { pod } of workloadsOf([resource]))
      for (const container of pod.containers) delete container.ports;
    const wanted = [...resources.filter((one) => one.kind === 'ConfigMap'), resource];
    writeFileSync(file, wanted.map((one) => stringify(one)).join('---\n'));
    if (!played.includes(file)) played.push(file);
    await podman('kube', 'play', `--network=${network}`, ...addresses.map((one) => `--ip=${one}`), file);
    return file;
  }

  /** podman 4 reads a secret for an environment variable as an object of base64, and for a volume as a Secret whose data
   *  is not encoded. */
  function asPodmanReadsIt(secret: Resource): string {
    const mounted = workloadsOf(resources).some(({ pod }) =>
      (pod.volumes ?? []).some((volume: Loose) => volume.secret?.secretName === secret.metadata.name),
    );
    const data = Object.fromEntries(
      Object.entries(secret.data ?? {}).map(([key, value]) => {
        const plain = Buffer.from(value, 'base64');
        return [key, mounted ? plain.toString() : plain.toString('base64')];
      }),
    );
    return JSON.stringify(mounted ? { ...secret, data } : data);
  }

  async function running(container: string): Promise<void> {
    const state = await podman('inspect', '--format', '{{.State.Status}}', container);
    if (state !== 'running') assert.fail(`${container} is ${state}: ${await podman('logs', container)}`);
  }

  async function management(pod: number, path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://${address.service[pod]}:9090${path}`).catch(() => null);
    return { status: answer?.status ?? 0, text: (await answer?.text()) ?? '' };
  }

  async function statusOf(pod: number, path: string): Promise<number> {
    return (await management(pod, path)).status;
  }

  /** Its certificate is for its name, and there is no DNS here. */
  function simulator(method: string, path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = {
        host: address.simulator,
        port: 8443,
        method,
        path,
        servername: 'simulator',
        headers: { host: 'simulator:8443' },
        ca: authority,
        agent: false as const,
      };
      const sent = httpsRequest(options, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve(text));
      });
      sent.on('error', reject);
      sent.end();
    });
  }
});

async function podman(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  if (code !== 0) throw new Error(`podman ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

async function volumes(): Promise<string[]> {
  return (await podman('volume', 'ls', '--quiet')).split('\n').filter(Boolean);
}

// Somebody who breaks it off finds nothing left behind either.
process.once('SIGINT', () => {
  execFileSync('podman', ['network', 'rm', '--force', network], { env: engineEnvironment, stdio: 'ignore' });
  process.exit(130);
});
