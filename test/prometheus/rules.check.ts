import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import {
  alerts,
  alertTests,
  type Groups,
  groups,
  metricsIn,
  promtool,
  queries,
  rules,
  runbooks,
  withoutAnnotations,
} from './sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'rules-check-'));
after(() => rmSync(folder, { recursive: true }));

function checkRules(content: object): { ok: boolean; output: string } {
  const file = join(folder, 'check.yml');
  writeFileSync(file, stringify(content));
  return promtool('check', 'rules', file);
}

type Expectation = {
  readonly eval_time: string;
  readonly alertname: string;
  readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
};
type Case = {
  readonly name: string;
  readonly input_series: readonly { readonly series: string; readonly values: string }[];
  readonly alert_rule_test: readonly Expectation[];
};
const suite: { readonly tests: readonly Case[] } = parse(alertTests);

/** An expression with the recording rules that it uses written out. */
const written = (expr: string) =>
  rules.reduce((whole, rule) => (rule.record ? whole.replaceAll(rule.record, rule.expr) : whole), expr);

/** Runs the unit tests: all, or those that say something of one alert. */
function testRules(tested: Groups, of?: string): { ok: boolean; output: string } {
  const concerned = (one: Case) =>
    one.alert_rule_test.filter(({ alertname }) => of === undefined || alertname === of);
  return testCases(
    tested,
    suite.tests
      .map((one) => ({ ...one, alert_rule_test: concerned(one) }))
      .filter(({ alert_rule_test }) => alert_rule_test.length > 0),
  );
}

function testCases(tested: Groups, tests: readonly Case[]): { ok: boolean; output: string } {
  writeFileSync(join(folder, 'rules.yml'), stringify({ groups: withoutAnnotations(tested) }));
  // Unless it is told, promtool evaluates groups in any order: an alert then sees a recorded ratio a minute late.
  const group_eval_order = tested.map(({ name }) => name);
  writeFileSync(join(folder, 'alerts.test.yml'), stringify({ ...suite, group_eval_order, tests }));
  return promtool('test', 'rules', join(folder, 'alerts.test.yml'));
}

/** A case, as it is in that namespace. */
function inNamespace(namespace: string, { input_series, ...rest }: Case): Case {
  const labelled = input_series.map(({ series, values }) => ({
    series: series.replace(/\}$/, `,namespace="${namespace}"}`),
    values,
  }));
  return { ...rest, input_series: labelled };
}

/** Where something is wrong in one namespace while all is well with the same in another. */
function besideAnother(alert: string): Case {
  const own = suite.tests.flatMap((one) =>
    one.alert_rule_test.filter(({ alertname }) => alertname === alert).map((check) => ({ one, check })),
  );
  const firing = own.find(({ check }) => check.exp_alerts.length > 0);
  const quiet = own.find(({ check, one }) => check.exp_alerts.length === 0 && one !== firing?.one);
  assert.ok(firing && quiet, alert);
  const expected = firing.check.exp_alerts.map(({ exp_labels }) => ({
    exp_labels: { ...exp_labels, namespace: 'production' },
  }));
  return {
    ...firing.one,
    input_series: [
      ...inNamespace('production', firing.one).input_series,
      ...inNamespace('staging', quiet.one).input_series,
    ],
    alert_rule_test: [{ ...firing.check, exp_alerts: expected }],
  };
}

describe('rules', () => {
  it('promtool finds them right', () => {
    const { ok, output } = checkRules({ groups });
    assert.ok(ok, output);
    assert.match(output, new RegExp(`${rules.length} rules found`));
  });

  it('promtool finds a wrong one', () => {
    assert.ok(!checkRules({ groups: [{ name: 'x', rules: [{ alert: 'X', expr: 'sum(' }] }] }).ok);
  });

  it('each alert fires when it should, and not when it should not', () => {
    const { ok, output } = testRules(groups);
    assert.ok(ok, output);
  });

  const expectations = suite.tests.flatMap((one) => one.alert_rule_test);
  for (const { alert = '' } of alerts) {
    it(`${alert} has a case that fires it and one that does not`, () => {
      const own = expectations.filter(({ alertname }) => alertname === alert);
      assert.ok(own.some((one) => one.exp_alerts.length > 0));
      assert.ok(own.some((one) => one.exp_alerts.length === 0));
    });

    it(`${alert} would be missed, and is not always on`, () => {
      const replaced = (expr: string): Groups => [
        {
          name: 'replaced',
          rules: alerts.flatMap((rule) => (rule.alert === alert ? { ...rule, expr } : [])),
        },
      ];
      assert.ok(!testRules(replaced('vector(1) == 0'), alert).ok, 'never firing is found');
      assert.ok(!testRules(replaced('vector(1)'), alert).ok, 'always firing is found');
    });
  }

  it('each alert is about one installation of several, and says which', () => {
    const { ok, output } = testCases(
      groups,
      alerts.map(({ alert = '' }) => besideAnother(alert)),
    );
    assert.ok(ok, output);
  });

  it('each text names the namespace, and whatever else tells one alert from another', () => {
    for (const { alert, expr, annotations } of alerts) {
      const labels = [...written(expr).matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) =>
        names.split(', '),
      );
      assert.ok(labels.includes('namespace'), alert);
      const told = annotations?.description ?? '';
      // Of a pod's two names one is told: outside of Kubernetes there is no other than the instance.
      for (const label of labels.filter((one) => one !== 'peer' && one !== 'instance')) {
        assert.match(told, new RegExp(`\\$labels\\.${label}\\b`), `${alert}: ${label}`);
      }
    }
  });

  it('each alert says how bad it is, what it means and where to read on', () => {
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels?.severity ?? '', /^(critical|warning)$/, alert);
      assert.ok((annotations?.summary ?? '').length > 20, alert);
      assert.ok((annotations?.description ?? '').length > 20, alert);
      const page = /^https:\/\/[^/]+\/chromeos-connector-bff\/([\w-]+\.md)$/.exec(
        annotations?.runbook_url ?? '',
      )?.[1];
      assert.ok(page && runbooks.includes(page), `${alert}: ${annotations?.runbook_url}`);
      const text = readFileSync(new URL(`../../docs/runbooks/${page}`, import.meta.url), 'utf8');
      assert.ok(text.includes(`\`${alert}\``), `${page} tells of ${alert}`);
    }
  });

  it('runbooks know no alert that does not exist', () => {
    for (const page of runbooks) {
      const text = readFileSync(new URL(`../../docs/runbooks/${page}`, import.meta.url), 'utf8');
      for (const [, name] of text.matchAll(/`(ChromeosBff\w+)`/g)) {
        assert.ok(
          alerts.some(({ alert }) => alert === name),
          `${page}: ${name}`,
        );
      }
    }
  });

  it('the pods they miss are those the autoscaler keeps', () => {
    const { spec } = parse(
      readFileSync(new URL('../../k8s/base/horizontalpodautoscaler.yaml', import.meta.url), 'utf8'),
    );
    const { expr } = alerts.find(({ alert }) => alert === 'ChromeosBffPodsMissing') ?? { expr: '' };
    assert.equal(Number(/chromeos_bff_ready\) < (\d+)/.exec(expr)?.[1]), spec.minReplicas);
  });

  it('the memory they watch for is the limit of the Deployment', () => {
    const deployment = parse(
      readFileSync(new URL('../../k8s/base/deployment.yaml', import.meta.url), 'utf8'),
    );
    const { memory } = deployment.spec.template.spec.containers[0].resources.limits;
    const { expr } = alerts.find(({ alert }) => alert === 'ChromeosBffMemoryNearLimit') ?? { expr: '' };
    assert.equal(`${/\* (\d+) \* 1024 \* 1024/.exec(expr)?.[1]}Mi`, memory);
  });
});

describe('the dashboard', () => {
  it('each query is one that Prometheus understands', () => {
    assert.ok(queries.length > 30);
    const recorded = queries.map(({ expr }, index) => ({ record: `dashboard:query_${index}`, expr }));
    const { ok, output } = checkRules({ groups: [{ name: 'dashboard', rules: recorded }] });
    assert.ok(ok, output);
  });

  it('each asks for a metric of ours', () => {
    for (const { title, expr } of queries) assert.ok(metricsIn(expr).length > 0, title);
  });
});
