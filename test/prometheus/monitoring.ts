import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { childEnvironment } from '../../tools/child-environment.ts';
import { type Rule, read } from './sources.ts';

/** An alert as Alertmanager hands it on. */
export type Alert = {
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

/** What is scraped, by the labels that Kubernetes would give it. */
export type Target = { readonly managementUrl: string; readonly namespace: string; readonly pod: string };

export type Sample = { readonly metric: Record<string, string>; readonly value: [number, string] };

/** A Prometheus that scrapes each second, and an Alertmanager as in docs/alertmanager.yml that tells us. */
export type Monitoring = {
  readonly folder: string;
  /** What Alertmanager has told whoever is on call, and, in tickets, others. */
  readonly paged: readonly Alert[];
  readonly ticketed: readonly Alert[];
  /** Scrapes these and no others from now on. */
  scrape(targets: readonly Target[]): void;
  query(expr: string): Promise<readonly Sample[]>;
  ask(path: string): Promise<unknown>;
  /** The names of the alerts of an installation that Alertmanager keeps back because of another one. */
  keptBack(namespace: string): Promise<readonly string[]>;
  close(): Promise<void>;
};

type RuleGroups = readonly { readonly name: string; readonly rules: readonly Rule[] }[];

/** Starts both. Where rules have a `for`, or Alertmanager waits, a minute lasts a second where `hurried` says so. */
export async function startMonitoring(
  groups: RuleGroups,
  { hurried }: { readonly hurried: boolean },
): Promise<Monitoring> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-check-'));
  const children: ChildProcess[] = [];
  const paged: Alert[] = [];
  const ticketed: Alert[] = [];
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const told = request.url === '/page' ? paged : ticketed;
      told.push(...(JSON.parse(body) as { alerts: Alert[] }).alerts);
      response.end();
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const address = receiver.address();
  const ownUrl = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  const [alertmanagerPort, prometheusPort] = [await freePort(), await freePort()];
  const prometheus = `http://127.0.0.1:${prometheusPort}`;
  const write = (name: string, content: object) => writeFileSync(join(folder, name), stringify(content));

  const alertmanager = parse(read('docs/alertmanager.yml'));
  alertmanager.receivers = [
    { name: 'on-call', webhook_configs: [{ url: `${ownUrl}/page` }] },
    { name: 'tickets', webhook_configs: [{ url: `${ownUrl}/ticket` }] },
  ];
  alertmanager.route.group_wait = hurried ? '3s' : '0s';
  alertmanager.route.group_interval = '1s';
  write('alertmanager.yml', alertmanager);
  write('rules.yml', { groups: hurried ? groups.map(inSeconds) : groups });
  write('targets.yml', []);
  write('prometheus.yml', {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanagerPort}`] }] }] },
    scrape_configs: [
      {
        job_name: 'chromeos-connector-bff',
        file_sd_configs: [{ files: ['targets.yml'], refresh_interval: '1s' }],
      },
    ],
  });

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

  async function ask(path: string): Promise<unknown> {
    const answer = await fetch(`${prometheus}${path}`).catch(() => null);
    if (answer === null) return { result: [] }; // is starting
    if (answer.status === 503) return { result: [] };
    const { status, data, error } = (await answer.json()) as {
      status: string;
      data: unknown;
      error?: string;
    };
    assert.equal(status, 'success', error);
    return data;
  }

  return {
    folder,
    paged,
    ticketed,
    ask,
    scrape: (targets) =>
      write(
        'targets.yml',
        targets.map(({ managementUrl, namespace, pod }) => ({
          targets: [new URL(managementUrl).host],
          labels: { namespace, pod },
        })),
      ),
    async query(expr) {
      const { result } = (await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`)) as {
        result: Sample[];
      };
      return result;
    },
    async keptBack(namespace) {
      const filter = encodeURIComponent(`namespace="${namespace}"`);
      const answer = await fetch(`http://127.0.0.1:${alertmanagerPort}/api/v2/alerts?filter=${filter}`);
      const told = (await answer.json()) as {
        labels: Record<string, string>;
        status: { inhibitedBy: unknown[] };
      }[];
      return told
        .filter(({ status }) => status.inhibitedBy.length > 0)
        .map(({ labels }) => labels.alertname ?? '');
    },
    async close() {
      for (const child of children) {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      receiver.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function inSeconds(group: RuleGroups[number]): RuleGroups[number] {
  return {
    ...group,
    rules: group.rules.map((rule) =>
      rule.for === undefined ? rule : { ...rule, for: rule.for.replace(/m$/, 's').replace(/h$/, 'm') },
    ),
  };
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
