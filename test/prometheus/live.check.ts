import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { childEnvironment } from '../../tools/child-environment.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  eventsPath,
  startWorld,
  type World,
} from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { alerts, amtool, groups, metricsIn, promtool, queries, rules } from './sources.ts';

type Alert = { status: string; labels: Record<string, string>; annotations: Record<string, string> };

describe('a real Prometheus', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-check-'));
  const children: ChildProcess[] = [];
  const received: Alert[] = [];
  let world: World;
  let service: ServiceProcess;
  let receiver: Server;
  let prometheus: string;

  before(async () => {
    world = await startWorld();
    const keyFile = join(folder, 'audit-key.pem');
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    service = await startServiceProcess(world, { AUDIT_SIGNING_KEY_FILE: keyFile });
    await until('it is ready', async () => (await fetch(`${service.managementUrl}/readyz`)).ok);
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        received.push(...(JSON.parse(body) as { alerts: Alert[] }).alerts);
        response.end();
      });
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const [alertmanagerPort, prometheusPort] = [await freePort(), await freePort()];
    writeFileSync(join(folder, 'rules.yml'), stringify({ groups }));
    writeFileSync(
      join(folder, 'prometheus.yml'),
      stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: ['rules.yml'],
        alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanagerPort}`] }] }] },
        scrape_configs: [
          {
            job_name: 'chromeos-connector-bff',
            static_configs: [{ targets: [new URL(service.managementUrl).host] }],
          },
        ],
      }),
    );
    const address = receiver.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    writeFileSync(
      join(folder, 'alertmanager.yml'),
      stringify({
        route: { receiver: 'us', group_by: ['alertname'], group_wait: '0s', group_interval: '1s' },
        receivers: [{ name: 'us', webhook_configs: [{ url: `http://127.0.0.1:${port}/` }] }],
      }),
    );
    start('prometheus-alertmanager', [
      `--config.file=${join(folder, 'alertmanager.yml')}`,
      `--storage.path=${join(folder, 'alertmanager')}`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      '--cluster.listen-address=',
    ]);
    start('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
    ]);
    prometheus = `http://127.0.0.1:${prometheusPort}`;
    await use();
  });

  after(async () => {
    for (const child of children) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    receiver?.close();
    await service?.kill();
    await world?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('takes its configuration and Alertmanager’s', () => {
    const checked = promtool('check', 'config', join(folder, 'prometheus.yml'));
    assert.ok(checked.ok, checked.output);
    assert.match(amtool('check-config', join(folder, 'alertmanager.yml')), /SUCCESS/);
  });

  it('scrapes the service', async () => {
    await until('it has scraped', async () => (await query('up')).at(0)?.value[1] === '1');
    await until('twice', async () => (await query('count_over_time(up[1m]) > 2')).length > 0);
  });

  it('finds our names as names should be', async () => {
    const text = await (await fetch(`${service.managementUrl}/metrics`)).text();
    assert.match(text, /^chromeos_bff_http_request_duration_seconds_bucket/m);
    const complaints = metricComplaints(text);
    // prom-client's own, of which promtool finds that only counters may be called so.
    assert.deepEqual(
      complaints.filter((line) => !/^nodejs_active_(handles|requests|resources)_total /.test(line)),
      [],
    );
    assert.notDeepEqual(
      metricComplaints(`${text}\n# TYPE chromeos_bff_bad_total gauge\nchromeos_bff_bad_total 1\n`),
      complaints,
    );
  });

  it('has seen the main job', async () => {
    await until('the disconnect is counted', async () => {
      const [sample] = await query('sum(chromeos_bff_disconnects_total{outcome="accepted"})');
      return sample?.value[1] === '1';
    });
    const [written] = await query('sum(chromeos_bff_audit_writes_total{event="attempt",result="written"})');
    assert.equal(written?.value[1], '1');
  });

  it('knows every metric that a query of the dashboard or a rule asks for', async () => {
    const recorded = new Set(rules.map((rule) => rule.record));
    // By type, since a counter or histogram with labels has no sample before its first event.
    const text = await (await fetch(`${service.managementUrl}/metrics`)).text();
    const types = new Map(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name ?? '', type]),
    );
    const unknown = new Set<string>();
    for (const { expr } of [...queries, ...rules]) {
      for (const name of metricsIn(expr)) {
        const family = name.replace(/_(bucket|count|sum)$/, '');
        const there =
          name === 'up' || recorded.has(name) || types.has(name) || types.get(family) === 'histogram';
        if (!there) unknown.add(name);
      }
    }
    assert.deepEqual([...unknown], []);
  });

  it('answers every query of the dashboard', async () => {
    await until('rates exist', async () => (await query('rate(process_cpu_seconds_total[1m])')).length > 0);
    const empty: string[] = [];
    for (const { title, expr } of queries) {
      const samples = await query(expr);
      if (samples.length === 0) empty.push(`${title}: ${expr}`);
    }
    // What needs an event that has not happened here, or a credential whose end can be known.
    const mayBeEmpty = /credential_expiry|operation_duration/;
    assert.deepEqual(
      empty.filter((one) => !mayBeEmpty.test(one)),
      [],
    );
  });

  it('evaluates every rule without error, and nothing is alarmed', async () => {
    const { groups: loaded } = (await ask('/api/v1/rules')) as {
      groups: { rules: { name: string; health: string; lastError?: string; state?: string }[] }[];
    };
    const evaluated = loaded.flatMap((group) => group.rules);
    assert.equal(evaluated.length, rules.length);
    for (const { name, health, lastError, state } of evaluated) {
      assert.equal(health, 'ok', `${name}: ${lastError}`);
      // The test's one PostgreSQL has no standby, which is what this one is about.
      if (name === 'ChromeosBffDatabaseNotReplicated') assert.notEqual(state, 'firing');
      else assert.ok(state === undefined || state === 'inactive', `${name} is ${state}`);
    }
  });

  it('tells Alertmanager, and that tells us, when Entra refuses our credential', async () => {
    world.simulator.setSecrets(['another one']);
    const token = bearer(await world.simulator.token('second-admin'));
    const answer = await fetch(`${service.url}${disconnectPath}`, {
      method: 'POST',
      headers: { authorization: token },
    });
    assert.ok(answer.status >= 500, String(answer.status));
    const name = 'ChromeosBffCredentialRefused';
    await until('the alert arrives', () => received.some(({ labels }) => labels.alertname === name));
    const alert = received.find(({ labels }) => labels.alertname === name);
    const rule = alerts.find((one) => one.alert === name);
    assert.equal(alert?.status, 'firing');
    assert.equal(alert?.labels.severity, 'critical');
    assert.equal(alert?.annotations.summary, rule?.annotations?.summary);
    assert.equal(alert?.annotations.runbook_url, rule?.annotations?.runbook_url);
  });

  /** Something of everything, so that there is something to see. */
  async function use(): Promise<void> {
    const call = async (
      person: 'admin' | 'reader' | 'auditor' | 'no-roles',
      method: string,
      path: string,
    ) => {
      const authorization = bearer(await world.simulator.token(person));
      const answer = await fetch(`${service.url}${path}`, { method, headers: { authorization } });
      await answer.arrayBuffer();
      return answer.status;
    };
    const again = async () => {
      await call('reader', 'GET', connectionPath);
      await call('auditor', 'GET', eventsPath);
      await call('no-roles', 'POST', disconnectPath);
      await fetch(`${service.url}${connectionPath}`);
    };
    // First the refused ones, so that the counters exist when the rest moves them.
    await again();
    assert.equal(await call('admin', 'POST', disconnectPath), 200);
    const timer = setInterval(() => void again().catch(() => {}), 500).unref();
    after(() => clearInterval(timer));
  }

  function start(program: string, args: string[]): void {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: folder,
      env: childEnvironment(),
    });
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors = `${errors}${chunk}`.slice(-4000);
    });
    child.on('exit', (code) => {
      if (code) process.stderr.write(errors);
    });
    children.push(child);
  }

  type Sample = { metric: Record<string, string>; value: [number, string] };
  async function query(expr: string): Promise<Sample[]> {
    const { result } = (await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`)) as { result: Sample[] };
    return result;
  }

  async function ask(path: string): Promise<unknown> {
    const answer = await fetch(`${prometheus}${path}`).catch(() => null);
    if (answer === null) return { result: [] }; // is starting
    const { status, data, error } = (await answer.json()) as {
      status: string;
      data: unknown;
      error?: string;
    };
    assert.equal(status, 'success', error);
    return data;
  }
});

function metricComplaints(text: string): string[] {
  const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    env: childEnvironment(),
    encoding: 'utf8',
    input: text,
  });
  return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createTcpServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => found(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
