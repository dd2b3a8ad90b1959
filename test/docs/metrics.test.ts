import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import {
  startService,
  startTestEnvironment,
  type TestEnvironment,
  type TestService,
} from '../support/service.ts';

type Rule = { record?: string; alert?: string; expr: string };
const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const ours = (name: string) => name.startsWith('chromeos_bff_');

describe('the catalogue of metrics', () => {
  let testEnvironment: TestEnvironment;
  let service: TestService;
  let rows: { name: string; type: string; labels: string[]; alerts: string[] }[];
  before(async () => {
    testEnvironment = await startTestEnvironment();
    service = await startService(testEnvironment);
    const words = (cell: string | undefined) =>
      [...(cell ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '');
    rows = [...(await read('docs/metrics.md')).matchAll(/^\| `(\w+)` \| (\w+) \|(.*)\|$/gm)].map((match) => {
      const cells = (match[3] ?? '').split('|');
      return {
        name: match[1] ?? '',
        type: match[2] ?? '',
        labels: words(cells[0]),
        alerts: words(cells.at(-1)),
      };
    });
  });
  after(async () => {
    await service?.close();
    await testEnvironment?.close();
  });

  test('has what /metrics exposes, by name and type, and nothing else', async () => {
    const { text } = await service.management.get('/metrics').expect(200);
    const exposed = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map((match) => `${match[1]} ${match[2]}`);
    assert.deepEqual(
      rows.map(({ name, type }) => `${name} ${type}`).toSorted(),
      exposed.filter(ours).toSorted(),
    );
  });

  test('has the labels', () => {
    const metrics = createMetrics().registry.getMetricsAsArray() as unknown as {
      name: string;
      labelNames: string[];
    }[];
    assert.deepEqual(
      Object.fromEntries(rows.map(({ name, labels }) => [name, labels])),
      Object.fromEntries(
        metrics.filter(({ name }) => ours(name)).map(({ name, labelNames }) => [name, labelNames]),
      ),
    );
  });

  test('has the alerts that use each, directly or through a recording rule', async () => {
    const text = await read('k8s/components/prometheus-operator/prometheusrule.yaml');
    const rules: Rule[] = parse(text).spec.groups.flatMap(({ rules }: { rules: Rule[] }) => rules);
    const written = (expr: string) =>
      rules.reduce((whole, rule) => (rule.record ? whole.replaceAll(rule.record, rule.expr) : whole), expr);
    for (const { name, alerts } of rows) {
      const mention = new RegExp(`\\b${name}(_bucket|_count|_sum)?\\b`);
      const using = rules.filter(({ alert, expr }) => alert && mention.test(written(expr)));
      assert.deepEqual(alerts.toSorted(), using.map(({ alert }) => alert).toSorted(), name);
    }
  });

  test('rules and the dashboard name routes as the service labels them', async () => {
    const { paths } = JSON.parse(await read('docs/openapi.json')) as { paths: object };
    const labels = Object.keys(paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const file of [
      'k8s/components/prometheus-operator/prometheusrule.yaml',
      'k8s/components/grafana-dashboard/chromeos-connector-bff.json',
      'test/prometheus/alerts.test.yml',
    ]) {
      const named = [...(await read(file)).matchAll(/route!?=\\?"(\/[^"\\]+)/g)].map(
        ([, route = '']) => route,
      );
      assert.deepEqual(
        named.filter((route) => !labels.includes(route)),
        [],
        file,
      );
    }
  });
});
