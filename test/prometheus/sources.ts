import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { childEnvironment } from '../../tools/child-environment.ts';

export const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

export type Rule = {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};
export type Groups = readonly { readonly name: string; readonly rules: readonly Rule[] }[];

export const groups: Groups = parse(read('k8s/components/prometheus-operator/prometheusrule.yaml')).spec
  .groups;
export const rules = groups.flatMap((group) => group.rules);
export const alerts = rules.filter((rule) => rule.alert !== undefined);

/** The rules as promtool's unit tests want them: there, every annotation would have to be repeated. */
export function withoutAnnotations(from: Groups): Groups {
  return from.map((group) => ({ ...group, rules: group.rules.map(({ annotations: _, ...rule }) => rule) }));
}

export const alertTests = read('test/prometheus/alerts.test.yml');

type Panel = {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly panels?: readonly Panel[];
};
const dashboard = JSON.parse(read('k8s/components/grafana-dashboard/chromeos-connector-bff.json')) as {
  panels: readonly Panel[];
};

/** Every query of the dashboard, with Grafana's variables filled in. */
export const queries = dashboard.panels
  .flatMap((panel) => [panel, ...(panel.panels ?? [])])
  .flatMap(({ title, targets }) =>
    (targets ?? []).map(({ expr }) => ({
      title,
      expr: expr
        .replaceAll('$__rate_interval', '1m')
        .replaceAll('$__interval', '15s')
        .replaceAll('$__range', '1h')
        .replaceAll('$namespace', '.*'),
    })),
  );

/** The names of metrics in a query: what is neither a label, a function nor a keyword. */
export function metricsIn(expr: string): string[] {
  const bare = expr.replace(/\{[^}]*\}/g, '').replace(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, '');
  return [...new Set(bare.match(/\b(chromeos_bff[\w:]*|nodejs_\w+|process_\w+|up)\b/g))];
}

export const runbooks = readdirSync(fileURLToPath(new URL('../../docs/runbooks', import.meta.url)));

export function promtool(...args: string[]): { ok: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    env: childEnvironment(),
    encoding: 'utf8',
  });
  return { ok: status === 0, output: stdout + stderr };
}

export function amtool(...args: string[]): string {
  return execFileSync('amtool', args, { env: childEnvironment(), encoding: 'utf8' });
}
