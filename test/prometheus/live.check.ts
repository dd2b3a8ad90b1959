import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { childEnvironment } from '../../tools/child-environment.ts';
import { until } from '../support/processes.ts';
import {
  bearer,
  connectionPath,
  disconnectPath,
  eventsPath,
  startTestEnvironment,
  type TestEnvironment,
} from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { type Monitoring, startMonitoring } from './monitoring.ts';
import { alerts, amtool, groups, metricsIn, promtool, queries, rules } from './sources.ts';

describe('a real Prometheus', () => {
  const pods: ServiceProcess[] = [];
  let testEnvironment: TestEnvironment;
  let service: ServiceProcess;
  let monitoring: Monitoring;
  const query = (expr: string) => monitoring.query(expr);

  before(async () => {
    testEnvironment = await startTestEnvironment();
    monitoring = await startMonitoring(groups, { hurried: false });
    const keyFile = join(monitoring.folder, 'audit-key.pem');
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    // Two, as everywhere.
    for (let count = 0; count < 2; count += 1) {
      pods.push(await startServiceProcess(testEnvironment, { AUDIT_SIGNING_KEY_FILE: keyFile }));
    }
    service = pods[0] as ServiceProcess;
    for (const { managementUrl } of pods) {
      await until('it is ready', async () => (await fetch(`${managementUrl}/readyz`)).ok);
    }
    monitoring.scrape(
      pods.map(({ managementUrl }, index) => ({
        managementUrl,
        namespace: 'production',
        pod: `pod-${index}`,
      })),
    );
    await use();
  });

  after(async () => {
    await monitoring?.close();
    for (const pod of pods) await pod.kill();
    await testEnvironment?.close();
  });

  it('takes its configuration and Alertmanager’s', () => {
    const checked = promtool('check', 'config', join(monitoring.folder, 'prometheus.yml'));
    assert.ok(checked.ok, checked.output);
    assert.match(amtool('check-config', join(monitoring.folder, 'alertmanager.yml')), /SUCCESS/);
  });

  it('scrapes the service', async () => {
    await until('it has scraped', async () => (await query('sum(up)')).at(0)?.value[1] === '2');
    await until('twice', async () => (await query('count_over_time(up[1m]) > 2')).length === 2);
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
    const { groups: loaded } = (await monitoring.ask('/api/v1/rules')) as {
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
    testEnvironment.simulator.setSecrets(['another one']);
    const token = bearer(await testEnvironment.simulator.token('second-admin'));
    const answer = await fetch(`${service.url}${disconnectPath}`, {
      method: 'POST',
      headers: { authorization: token },
    });
    assert.ok(answer.status >= 500, String(answer.status));
    const name = 'ChromeosBffCredentialRefused';
    await until('the alert arrives', () => monitoring.paged.some(({ labels }) => labels.alertname === name));
    const alert = monitoring.paged.find(({ labels }) => labels.alertname === name);
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
      const authorization = bearer(await testEnvironment.simulator.token(person));
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
});

function metricComplaints(text: string): string[] {
  const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    env: childEnvironment(),
    encoding: 'utf8',
    input: text,
  });
  return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
}
