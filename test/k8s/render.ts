import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { childEnvironment } from '../../tools/child-environment.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: what a manifest may hold is for the compiler to say, in types.ts.
export type Loose = any;

export type Resource = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> } & Record<string, unknown>;
  spec?: Loose;
  data?: Record<string, string>;
};

/** What kustomize makes of a folder below k8s/. */
export function render(folder: string): Resource[] {
  const text = execFileSync('kubectl', ['kustomize', resolve(root, 'k8s', folder)], {
    env: childEnvironment(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return parseAllDocuments(text).map((document) => document.toJS() as Resource);
}

/** What it makes of a copy of overlays/production that has some components more. */
export function renderProductionWith(components: readonly string[]): Resource[] {
  const folder = mkdtempSync(join(tmpdir(), 'render-'));
  const k8s = relative(folder, join(root, 'k8s'));
  try {
    cpSync(join(root, 'k8s/overlays/production'), folder, { recursive: true });
    const file = join(folder, 'kustomization.yaml');
    const copy = parse(readFileSync(file, 'utf8').replaceAll('../..', k8s));
    copy.components.push(...components.map((component) => `${k8s}/components/${component}`));
    writeFileSync(file, JSON.stringify(copy));
    return render(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What it makes of the base with some components. */
export function renderWith(components: readonly string[]): Resource[] {
  const folder = mkdtempSync(join(tmpdir(), 'render-'));
  const to = (path: string) => relative(folder, join(root, 'k8s', path));
  try {
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      JSON.stringify({
        resources: [to('base')],
        components: components.map((component) => to(`components/${component}`)),
      }),
    );
    return render(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const nameOf = (resource: Resource) => `${resource.kind}/${resource.metadata.name}`;

export function find(resources: readonly Resource[], kind: string, name: string): Resource {
  const found = resources.find((one) => one.kind === kind && one.metadata.name === name);
  if (!found) throw new Error(`There is no ${kind}/${name}; there are ${resources.map(nameOf).join(', ')}`);
  return found;
}

export type Workload = { resource: Resource; labels: Record<string, string>; pod: Loose };

/** Everything that makes pods. */
export function workloadsOf(resources: readonly Resource[]): Workload[] {
  return resources.flatMap((resource) => {
    if (resource.kind === 'Pod') {
      return [{ resource, labels: resource.metadata.labels ?? {}, pod: resource.spec }];
    }
    const template = (resource.spec?.jobTemplate?.spec ?? resource.spec)?.template;
    return template?.spec?.containers
      ? [{ resource, labels: template.metadata.labels as Record<string, string>, pod: template.spec }]
      : [];
  });
}
