import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childEnvironment } from '../../tools/child-environment.ts';
import { type Resource, root } from './render.ts';

const folder = join(root, 'test/k8s/node_modules/.rendered');

/** Holds manifests against Kubernetes' and the operators' own schemas, as strictly as a compiler: each becomes a
 *  literal of its type, where a field that the type does not have is an error. Gives, for each, what is wrong. */
export function typeErrors(resources: readonly Resource[]): string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const imports = new Map<string, string>();
  const literals = resources.map((resource, index) => {
    const { type, alias, line } = typeOf(resource);
    imports.set(alias, line);
    return `export const r${index}: ${type} = ${JSON.stringify(resource)};`;
  });
  const lines = [...imports.values(), ...literals];
  writeFileSync(join(folder, 'manifests.ts'), `${lines.join('\n')}\n`);
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'es2024',
        module: 'esnext',
        moduleResolution: 'bundler',
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        types: [],
      },
      files: ['manifests.ts'],
    }),
  );
  const { stdout, status } = spawnSync(process.execPath, [typescript(), '-p', folder, '--pretty', 'false'], {
    env: childEnvironment(),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  const errors = resources.map(() => '');
  let placed = 0;
  for (const match of stdout.matchAll(/manifests\.ts\((\d+),\d+\): (error .*)$/gm)) {
    const index = Number(match[1]) - 1 - imports.size;
    if (index >= 0 && errors[index] === '') errors[index] = match[2] ?? '';
    if (index >= 0) placed += 1;
  }
  if (status !== 0 && placed === 0) throw new Error(`The compiler failed: ${stdout}`);
  return errors;
}

function typescript(): string {
  return join(root, 'node_modules/typescript/bin/tsc');
}

function typeOf({ apiVersion, kind }: Resource): { type: string; alias: string; line: string } {
  // Azure's copy of the Prometheus operator's types differs in the group's name alone.
  const group = apiVersion.replace(/^azmonitoring\./, 'monitoring.');
  const alias = `I${kind}_${group.replace(/\W/g, '_')}`;
  const from = group.startsWith('barmancloud.')
    ? '../../object-store'
    : `${packageOf(group)}/${group}/${kind}`;
  const line = `import type { I${kind} as ${alias} } from '${from}';`;
  const type =
    group === apiVersion ? alias : `Omit<${alias}, 'apiVersion'> & { apiVersion: '${apiVersion}' }`;
  return { type, alias, line };
}

function packageOf(group: string): string {
  if (group.startsWith('monitoring.coreos.com/')) return '@kubernetes-models/prometheus-operator';
  if (group.startsWith('gateway.networking.k8s.io/')) return '@kubernetes-models/gateway-api';
  if (group.startsWith('external-secrets.io/')) return '@kubernetes-models/external-secrets';
  if (group.startsWith('postgresql.cnpg.io/')) return '@kubernetes-models/cloudnative-pg';
  if (group.startsWith('cilium.io/')) return '@kubernetes-models/cilium';
  return 'kubernetes-models';
}

// Below these, any name is right.
const free =
  /(^|\.)(labels|annotations|matchLabels|selector|data|requests|limits|nodeSelector|kustomize|parameters)$|\.matchLabels$/;

/** The manifest once for each of its fields, with that field misspelled. */
export function misspellings(resource: Resource): { path: string; resource: Resource }[] {
  const found: { path: string; resource: Resource }[] = [];
  const visit = (node: unknown, path: (string | number)[]): void => {
    if (Array.isArray(node)) {
      node.forEach((item, index) => {
        visit(item, [...path, index]);
      });
    } else if (typeof node === 'object' && node !== null) {
      const named = path.join('.');
      // A Service's selector is a map of labels; everywhere else a selector has fields.
      const isMap = free.test(named) && !(named.endsWith('.selector') && resource.kind !== 'Service');
      if (isMap) return;
      for (const [key, value] of Object.entries(node)) {
        // Without these two there is no telling what it was meant to be.
        if (path.length > 0 || !['apiVersion', 'kind'].includes(key)) {
          found.push({ path: [...path, key].join('.'), resource: misspelled(resource, [...path, key]) });
        }
        visit(value, [...path, key]);
      }
    }
  };
  visit(resource, []);
  return found;
}

function misspelled(resource: Resource, path: (string | number)[]): Resource {
  const copy = structuredClone(resource);
  const key = String(path.at(-1));
  let parent = copy as unknown as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) parent = parent[part] as Record<string | number, unknown>;
  const entries = Object.entries(parent).map(([name, value]) => [name === key ? `${name}x` : name, value]);
  for (const name of Object.keys(parent)) delete parent[name];
  Object.assign(parent, Object.fromEntries(entries));
  return copy;
}
