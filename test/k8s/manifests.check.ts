import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { clouds } from '../../src/settings/clouds.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { podSecurityProblems } from './pod-security.ts';
import {
  find,
  nameOf,
  type Resource,
  render,
  renderProductionWith,
  renderWith,
  root,
  workloadsOf,
} from './render.ts';
import { misspellings, typeErrors } from './types.ts';

const service = 'chromeos-connector-bff';
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const readme = read('k8s/README.md');
const components = readdirSync(join(root, 'k8s/components'));
const manifest = JSON.parse(read('package.json')) as { version: string };

const renderings: Record<string, Resource[]> = Object.fromEntries([
  ['base', render('base')],
  ...['local', 'ci', 'production'].map((name) => [`overlays/${name}`, render(`overlays/${name}`)]),
  ...components.map((name) => [`components/${name}`, renderWith([name])]),
  // What belongs together on a cluster without Azure's extras.
  [
    'all the others',
    renderWith(['external-secrets', 'external-secrets-entra', 'ingress', 'azure-managed-prometheus']),
  ],
]);
const each = (name: string, check: (resources: Resource[], from: string) => void | Promise<void>) => {
  for (const [from, resources] of Object.entries(renderings)) {
    it(`${name}: ${from}`, () => check(resources, from));
  }
};
const base = renderings.base ?? [];
const local = renderings['overlays/local'] ?? [];
const ci = renderings['overlays/ci'] ?? [];
const production = renderings['overlays/production'] ?? [];

describe('the schema', () => {
  each('every field exists and has its type', (resources) => {
    const errors = typeErrors(resources);
    const found = resources.map((resource, index) => [nameOf(resource), errors[index]] as const);
    assert.deepEqual(
      found.filter(([, error]) => error !== ''),
      [],
    );
  });

  it('misspelling any one field of any manifest is found', () => {
    const all = Object.values(renderings).flat();
    const distinct = [...new Map(all.map((resource) => [JSON.stringify(resource), resource])).values()];
    const mutants = distinct.flatMap(misspellings);
    assert.ok(mutants.length > 500, `${mutants.length} fields`);
    const errors = typeErrors(mutants.map(({ resource }) => resource));
    assert.deepEqual(
      mutants
        .filter((_, index) => errors[index] === '')
        .map(({ path, resource }) => `${nameOf(resource)} ${path}`),
      [],
    );
  });

  it('a value of the wrong type is found', () => {
    const deployment = structuredClone(find(base, 'Deployment', service));
    deployment.spec.replicas = 'two';
    assert.match(typeErrors([deployment])[0] ?? '', /not assignable/);
  });

  it('one resource a file, and each file is in use', () => {
    const used = new Set<string>();
    const files: string[] = [];
    for (const file of readdirSync(join(root, 'k8s'), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.yaml')) continue;
      assert.equal(parseAllDocuments(read(`k8s/${file}`)).length, 1, file);
      if (!file.endsWith('kustomization.yaml')) {
        files.push(file);
        continue;
      }
      const { resources = [], patches = [], configMapGenerator = [] } = parse(read(`k8s/${file}`));
      const patched = patches.map((patch: { path?: string }) => patch.path);
      const generated = configMapGenerator.flatMap(({ files = [] }: { files?: string[] }) => files);
      for (const name of [...resources, ...patched, ...generated]) {
        used.add(join(file, '..', String(name)));
      }
    }
    assert.deepEqual(
      files.filter((file) => !used.has(file)),
      [],
    );
  });
});

describe('Pod Security', () => {
  each('restricted', async (resources) => assert.deepEqual(await podSecurityProblems(resources), []));

  it('restricted: a CronJob’s pods are looked at, too', async () => {
    const copy = structuredClone(find(renderWith(['audit-jobs']), 'CronJob', `${service}-audit-verify`));
    delete copy.spec.jobTemplate.spec.template.spec.securityContext.seccompProfile;
    assert.notDeepEqual(await podSecurityProblems([copy]), []);
  });

  it('restricted: what is applied by hand', async () => {
    const resources = render('by-hand/disconnect-off');
    assert.equal(workloadsOf(resources).length, 1);
    assert.deepEqual(await podSecurityProblems(resources), []);
  });

  const spoil: Record<string, (pod: ReturnType<typeof workloadsOf>[number]['pod']) => void> = {
    'no seccomp profile': (pod) => delete pod.securityContext.seccompProfile,
    'privilege escalation': (pod) => delete pod.containers[0].securityContext.allowPrivilegeEscalation,
    'a kept capability': (pod) => {
      pod.containers[0].securityContext.capabilities = { drop: ['NET_RAW'] };
    },
    'root allowed': (pod) => delete pod.containers[0].securityContext.runAsNonRoot,
    'a folder of the node': (pod) => pod.volumes.push({ name: 'host', hostPath: { path: '/' } }),
    'the node’s network': (pod) => {
      pod.hostNetwork = true;
    },
  };
  for (const [name, change] of Object.entries(spoil)) {
    it(`is not satisfied with ${name}`, async () => {
      const copy = structuredClone(find(base, 'Deployment', service));
      change(copy.spec.template.spec);
      assert.notDeepEqual(await podSecurityProblems([copy]), []);
    });
  }

  each('nobody is root, roots are read-only, nothing has a way to the Kubernetes API', (resources) => {
    for (const { resource, pod } of workloadsOf(resources)) {
      const name = nameOf(resource);
      assert.ok(pod.securityContext.runAsUser > 0, name);
      assert.equal(pod.automountServiceAccountToken, false, name);
      assert.equal(pod.enableServiceLinks, false, name);
      for (const container of pod.containers) {
        assert.equal(container.securityContext.readOnlyRootFilesystem, true, name);
        assert.ok(container.resources.requests.cpu && container.resources.requests.memory, name);
        assert.ok(container.resources.limits.memory, name);
        assert.equal(container.resources.limits.cpu, undefined, name);
      }
    }
    for (const one of resources.filter(({ kind }) => kind === 'ServiceAccount')) {
      assert.equal((one as { automountServiceAccountToken?: boolean }).automountServiceAccountToken, false);
    }
    for (const one of resources.filter(({ kind }) => kind === 'Namespace')) {
      assert.equal(one.metadata.labels?.['pod-security.kubernetes.io/enforce'], 'restricted');
    }
  });
});

describe('selectors', () => {
  each('none looks at a version', (resources) => {
    const visit = (node: unknown, inside: boolean, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        assert.ok(!(inside && key === 'app.kubernetes.io/version'), path);
        visit(value, inside || /selector|matchLabels$/i.test(key), `${path}.${key}`);
      }
    };
    for (const resource of resources) visit(resource.spec, false, nameOf(resource));
  });

  each('each finds pods, and the ports it names are theirs', (resources) => {
    const workloads = workloadsOf(resources);
    const chosen = (labels: Record<string, string>) =>
      workloads.filter((workload) =>
        Object.entries(labels).every(([label, value]) => workload.labels[label] === value),
      );
    const portsOf = (found: typeof workloads) =>
      found.flatMap(({ pod }) =>
        pod.containers.flatMap((container: { ports?: { name: string }[] }) =>
          (container.ports ?? []).map(({ name }) => name),
        ),
      );
    for (const resource of resources) {
      const { kind, spec } = resource;
      const name = nameOf(resource);
      if (kind === 'Service') {
        const found = chosen(spec.selector);
        assert.equal(found.length, 1, name);
        for (const { targetPort } of spec.ports) assert.ok(portsOf(found).includes(targetPort), name);
      }
      if (kind === 'PodDisruptionBudget') assert.equal(chosen(spec.selector.matchLabels).length, 1, name);
      if (kind === 'Deployment' || kind === 'StatefulSet') {
        assert.deepEqual(
          chosen(spec.selector.matchLabels).map((workload) => nameOf(workload.resource)),
          [name],
        );
      }
      const cluster = spec?.podSelector?.matchLabels?.['cnpg.io/cluster'];
      if (cluster !== undefined) {
        find(resources, 'Cluster', cluster);
        const own = (rule: { ports: { port: unknown }[] }) => rule.ports.map(({ port }) => port);
        // PostgreSQL, and what an instance says of itself (CloudNativePG, "Networking").
        for (const port of spec.ingress.flatMap(own)) assert.ok([5432, 8000].includes(port), name);
      } else if (kind === 'NetworkPolicy') {
        const found = chosen(spec.podSelector.matchLabels ?? {});
        assert.ok(found.length > 0, name);
        const ports: unknown[] = (spec.ingress ?? []).flatMap((rule: { ports: { port: unknown }[] }) =>
          rule.ports.map(({ port }) => port),
        );
        for (const port of ports) assert.ok(portsOf(found).includes(port), `${name} ${port}`);
      }
      if (kind === 'ServiceMonitor') {
        const services = resources.filter(
          (one) =>
            one.kind === 'Service' &&
            Object.entries(spec.selector.matchLabels).every(
              ([label, value]) => one.metadata.labels?.[label] === value,
            ),
        );
        assert.equal(services.length, 1, name);
        const names = services[0]?.spec.ports.map((port: { name: string }) => port.name);
        for (const { port } of spec.endpoints) assert.ok(names.includes(port), name);
      }
    }
  });

  each('the version is that of package.json, everywhere', (resources) => {
    const own = workloadsOf(resources).filter(({ labels }) => labels['app.kubernetes.io/name'] === service);
    for (const { labels } of own) assert.equal(labels['app.kubernetes.io/version'], manifest.version);
  });
});

const settings = {
  ...parse(read('config/default.yaml')).server,
  ...parse(read('config/production.yaml')).server,
};

describe('the service in the cluster', () => {
  const poolSize: number =
    parse(read('config/production.yaml')).database?.poolSize ??
    parse(read('config/default.yaml')).database.poolSize;

  each('rolls without losing capacity, spread over nodes and zones', (resources) => {
    const { spec } = find(resources, 'Deployment', service);
    const autoscaler = find(resources, 'HorizontalPodAutoscaler', service).spec;
    assert.ok((spec.replicas ?? autoscaler.minReplicas) >= 2);
    assert.ok(autoscaler.minReplicas >= 2);
    assert.equal(spec.strategy.rollingUpdate.maxUnavailable, 0);
    assert.deepEqual(
      spec.template.spec.topologySpreadConstraints.map((one: { topologyKey: string }) => one.topologyKey),
      ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'],
    );
    assert.ok(find(resources, 'PodDisruptionBudget', service).spec.maxUnavailable === 1);
  });

  it('comes before pods without a class with priority-class, which alone makes what is not in our namespace', () => {
    const resources = renderWith(['priority-class', 'audit-jobs']);
    const [found, ...others] = resources.filter(({ kind }) => kind === 'PriorityClass');
    const { value, globalDefault, metadata } = found as Resource & { value: number; globalDefault: boolean };
    assert.deepEqual([others, globalDefault, metadata.namespace], [[], false, undefined]);
    // From 1,000,000,001 on is the system's.
    assert.ok(value > 0 && value <= 1_000_000_000);
    const classes = workloadsOf(resources).map(({ resource, pod }) => [resource.kind, pod.priorityClassName]);
    assert.deepEqual(
      classes.filter(([, name]) => name !== undefined),
      [
        ['Deployment', metadata.name],
        ['Job', metadata.name],
      ],
    );
    const clusterWide = (all: Resource[]) =>
      all.filter((one) => one.metadata.namespace === undefined && one.kind !== 'Namespace').map(nameOf);
    assert.deepEqual(clusterWide(base), []);
    assert.deepEqual(clusterWide(resources), [`PriorityClass/${service}`]);
  });

  each('has time to finish: the grace period covers drain and shutdown', (resources) => {
    const { terminationGracePeriodSeconds } = find(resources, 'Deployment', service).spec.template.spec;
    const needed = (settings.drainMs + settings.shutdownMs + settings.tidyMs) / 1000;
    assert.ok(settings.drainMs > 0);
    assert.ok(settings.shutdownMs >= settings.answerMs, 'a call in flight has its whole time');
    assert.ok(
      terminationGracePeriodSeconds >= needed + 5,
      `${terminationGracePeriodSeconds} s for ${needed} s`,
    );
  });

  each('is asked on its management port whether it started, lives and is ready', (resources) => {
    const { spec } = find(resources, 'Deployment', service);
    const [container] = spec.template.spec.containers;
    for (const [probe, path] of [
      ['startupProbe', '/livez'],
      ['livenessProbe', '/livez'],
      ['readinessProbe', '/readyz'],
    ] as const) {
      assert.deepEqual(container[probe].httpGet, { path, port: 'management' });
    }
    const [{ configMapRef }] = container.envFrom;
    const { data } = find(resources, 'ConfigMap', configMapRef.name);
    const ports = container.ports.map((port: { containerPort: number }) => String(port.containerPort));
    assert.deepEqual(ports, [data?.PORT, data?.MANAGEMENT_PORT]);
  });

  each('never asks PostgreSQL for more connections than it gives', (resources) => {
    const { maxReplicas } = find(resources, 'HorizontalPodAutoscaler', service).spec;
    const { maxSurge } = find(resources, 'Deployment', service).spec.strategy.rollingUpdate;
    const args: string[] = workloadsOf(resources).flatMap(({ pod }) =>
      pod.containers.flatMap((container: { args?: string[] }) => container.args ?? []),
    );
    const stated = args.map((argument) => /^max_connections=(\d+)$/.exec(argument)?.[1]).find(Boolean);
    const given = Number(stated ?? 100) - 3; // its default, less what is kept for the superuser
    const asked = (maxReplicas + maxSurge) * (poolSize + 1) + 1; // for looking at it; and for the migration
    const jobs = resources.filter(({ kind }) => kind === 'CronJob').length;
    assert.ok(asked + jobs <= given, `${asked} + ${jobs} of ${given}`);
  });

  each('reads only variables it knows', (resources, from) => {
    const leaves = (node: object): string[] =>
      Object.values(node).flatMap((value) => (typeof value === 'string' ? [value] : leaves(value)));
    const known = new Set([
      ...leaves(parse(read('config/custom-environment-variables.yaml'))),
      // Node's own.
      ...['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS', 'HTTPS_PROXY', 'NO_PROXY'],
    ]);
    for (const { resource, pod, labels } of workloadsOf(resources)) {
      if (labels['app.kubernetes.io/name'] !== service) continue;
      for (const container of pod.containers) {
        const names = (container.env ?? []).map((variable: { name: string }) => variable.name);
        for (const { configMapRef } of container.envFrom ?? []) {
          names.push(...Object.keys(find(resources, 'ConfigMap', configMapRef.name).data ?? {}));
        }
        for (const name of names) assert.ok(known.has(name), `${from}: ${nameOf(resource)}: ${name}`);
        assert.equal(new Set(names).size, names.length, 'each is said once');
      }
    }
  });

  each('finds every ConfigMap and secret it refers to', (resources) => {
    const documented = new Map(
      [...readme.matchAll(/^\| `([a-z-]+)` \| `([\w-]+)` \|/gm)].map(([, name, key]) => [
        `${name}`,
        `${key}`,
      ]),
    );
    const keysOf = (kind: string, name: string): string[] | undefined => {
      const found = resources.find((one) => one.kind === kind && one.metadata.name === name);
      if (found) return Object.keys(found.data ?? {});
      if (kind !== 'Secret') return undefined;
      const external = resources.find(
        (one) => one.kind === 'ExternalSecret' && one.spec.target.name === name,
      );
      if (external) return external.spec.data.map((entry: { secretKey: string }) => entry.secretKey);
      // The operator makes it for each cluster.
      const cluster = resources.find((one) => one.kind === 'Cluster' && `${one.metadata.name}-ca` === name);
      if (cluster) return ['ca.crt'];
      const key = documented.get(name);
      return key === undefined ? undefined : [key];
    };
    for (const { resource, pod } of workloadsOf(resources)) {
      const need = (kind: string, name: string, key?: string) => {
        const keys = keysOf(kind, name);
        assert.ok(keys, `${nameOf(resource)} needs ${kind} ${name}`);
        if (key !== undefined) assert.ok(keys.includes(key), `${kind} ${name} has no ${key}`);
      };
      for (const container of pod.containers) {
        for (const { configMapRef } of container.envFrom ?? []) need('ConfigMap', configMapRef.name);
        for (const { valueFrom } of container.env ?? []) {
          if (valueFrom?.secretKeyRef)
            need('Secret', valueFrom.secretKeyRef.name, valueFrom.secretKeyRef.key);
        }
        const mounted = (container.volumeMounts ?? []).map((mount: { name: string }) => mount.name);
        const there = [
          ...(pod.volumes ?? []),
          ...(resource.spec.volumeClaimTemplates ?? []).map((one: Resource) => one.metadata),
        ];
        for (const name of mounted)
          assert.ok(
            there.some((volume) => volume.name === name),
            name,
          );
      }
      // A file that a variable names is a key of the secret that is mounted there.
      for (const container of pod.containers) {
        for (const { name, value } of container.env ?? []) {
          const [, path, key] = /^(\/var\/run\/secrets\/[\w-]+)\/([\w-]+)$/.exec(value ?? '') ?? [];
          if (path === undefined || !name.endsWith('_FILE')) continue;
          const mount = container.volumeMounts.find((one: { mountPath: string }) => one.mountPath === path);
          const volume = pod.volumes.find((one: { name: string }) => one.name === mount?.name);
          need('Secret', volume?.secret.secretName, key);
        }
      }
      for (const volume of pod.volumes ?? []) {
        if (volume.configMap) need('ConfigMap', volume.configMap.name);
        if (volume.secret) need('Secret', volume.secret.secretName);
      }
    }
  });

  it('has the owner’s credential in the migration alone', () => {
    for (const { resource, pod } of workloadsOf(production)) {
      const sees = JSON.stringify(pod).includes('chromeos-connector-bff-database-admin');
      assert.equal(sees, resource.kind === 'Job', nameOf(resource));
    }
    const [container] = find(base, 'Job', `${service}-migrate`).spec.template.spec.containers;
    assert.deepEqual(container.command, ['node', 'dist/cli/migrate.js']);
    assert.equal(container.image, find(base, 'Deployment', service).spec.template.spec.containers[0].image);
  });

  it('states no secret in base, production and components', () => {
    for (const [from, resources] of Object.entries(renderings)) {
      const secrets = resources.filter(({ kind }) => kind === 'Secret');
      if (!/local|ci/.test(from)) assert.deepEqual(secrets.map(nameOf), []);
    }
  });

  it('with workload identity has a token of its own and no Entra secret', () => {
    const resources = renderWith(['workload-identity']);
    const pod = find(resources, 'Deployment', service).spec.template.spec;
    const [container] = pod.containers;
    assert.doesNotMatch(JSON.stringify(resources), /AZURE_CLIENT_SECRET|-entra"|client-secret/);
    const { value } = container.env.find(
      (one: { name: string }) => one.name === 'AZURE_FEDERATED_TOKEN_FILE',
    );
    const { sources } = pod.volumes.find(
      (one: { name: string }) => one.name === 'azure-identity-token',
    ).projected;
    const { mountPath } = container.volumeMounts.find(
      (one: { name: string }) => one.name === 'azure-identity-token',
    );
    assert.equal(value, `${mountPath}/${sources[0].serviceAccountToken.path}`);
    assert.equal(sources[0].serviceAccountToken.audience, 'api://AzureADTokenExchange');
    assert.deepEqual(container.volumeMounts.map((one: { name: string }) => one.name).toSorted(), [
      'azure-identity-token',
      'database',
    ]);
  });

  it('with CloudNativePG has a database that loses no commit, with our two roles, and the only way leads there', () => {
    const resources = renderWith(['cloudnative-pg']);
    const name = `${service}-postgres`;
    const { spec } = find(resources, 'Cluster', name);
    assert.equal(spec.instances, 3);
    assert.deepEqual(spec.postgresql.synchronous, { method: 'any', number: 1, dataDurability: 'required' });
    assert.equal(spec.enableSuperuserAccess, false);
    const { initdb } = spec.bootstrap;
    const [role, ...others] = spec.managed.roles;
    assert.deepEqual(others, []);
    // The secrets that the pods read have the roles' passwords, too.
    const secretsOf = (kind: string, workload: string) =>
      find(resources, kind, workload).spec.template.spec.volumes.map(
        (one: { secret?: { secretName: string } }) => one.secret?.secretName,
      );
    const [ofService, ofJob] = [secretsOf('Deployment', service), secretsOf('Job', `${service}-migrate`)];
    assert.ok(ofService.includes(role.passwordSecret.name) && !ofService.includes(initdb.secret.name));
    assert.ok(ofJob.includes(initdb.secret.name));
    for (const right of ['superuser', 'createdb', 'createrole', 'bypassrls', 'replication']) {
      assert.equal(role[right], false, right);
    }
    const autoscaler = find(resources, 'HorizontalPodAutoscaler', service).spec;
    assert.ok(role.connectionLimit >= (autoscaler.maxReplicas + 1) * (poolSize + 1));
    const selector = { podSelector: { matchLabels: { 'cnpg.io/cluster': name } } };
    assert.deepEqual(find(resources, 'NetworkPolicy', 'to-database').spec.egress[0].to, [selector]);
    const [plugin] = spec.plugins;
    find(resources, 'ObjectStore', plugin.parameters.barmanObjectName);
    assert.ok(plugin.isWALArchiver, 'a restore loses seconds');
    const backup = find(resources, 'ScheduledBackup', name).spec;
    assert.deepEqual([backup.cluster.name, backup.pluginConfiguration.name], [name, plugin.name]);
  });

  describe('the CronJobs of the audit trail', () => {
    const jobsOf = (components: string[]) =>
      workloadsOf(renderWith(components)).filter(({ resource }) => resource.kind === 'CronJob');
    const argumentAfter = (command: string[], option: string) => command[command.indexOf(option) + 1];
    const volumeAt = (pod: ReturnType<typeof jobsOf>[number]['pod'], path?: string) => {
      const { name } = pod.containers[0].volumeMounts.find((one: { mountPath: string }) =>
        path?.startsWith(`${one.mountPath}/`),
      );
      return pod.volumes.find((one: { name: string }) => one.name === name);
    };

    it('only read: the service’s role and public keys are all they see, and none removes', () => {
      const jobs = jobsOf(['audit-jobs', 'audit-signing-key', 'external-secrets']);
      assert.equal(jobs.length, 2);
      for (const { resource, pod } of jobs) {
        const [container] = pod.containers;
        assert.deepEqual(
          pod.volumes.map((one: { secret: { secretName: string } }) => one.secret.secretName),
          [`${service}-database`, `${service}-audit-public-keys`],
          nameOf(resource),
        );
        assert.ok(!container.command.includes('--yes'));
        const file = argumentAfter(container.command, '--public-key');
        assert.equal(file, '/var/run/secrets/audit-public-keys/public-keys');
        assert.equal(volumeAt(pod, file).secret.secretName, `${service}-audit-public-keys`);
        const program = container.command[1].replace(/^dist\/(.*)\.js$/, 'src/$1.ts');
        assert.match(read(program), /--public-key/);
      }
    });

    it('one at a time, in UTC, with an end, and what a verification has found is not tried again', () => {
      for (const { resource } of jobsOf(['audit-jobs'])) {
        const { timeZone, concurrencyPolicy, jobTemplate } = resource.spec;
        assert.deepEqual([timeZone, concurrencyPolicy], ['Etc/UTC', 'Forbid']);
        assert.ok(jobTemplate.spec.activeDeadlineSeconds > 0);
      }
      const verify = find(renderWith(['audit-jobs']), 'CronJob', `${service}-audit-verify`);
      const rules: { action: string; onExitCodes?: unknown }[] =
        verify.spec.jobTemplate.spec.podFailurePolicy.rules;
      assert.deepEqual(rules.find(({ action }) => action === 'FailJob')?.onExitCodes, {
        operator: 'NotIn',
        values: [1],
      });
    });

    it('with outside checkpoints where the operator brings them', () => {
      const [command] = jobsOf(['audit-jobs']).map(({ pod }) => pod.containers[0].command);
      assert.ok(!command.includes('--checkpoints'));
      const job = jobsOf(['audit-outside-checkpoints']).find(
        ({ resource }) => resource.metadata.name === `${service}-audit-verify`,
      );
      const file = argumentAfter(job?.pod.containers[0].command, '--checkpoints');
      assert.ok(volumeAt(job?.pod, file).persistentVolumeClaim.readOnly);
    });

    it('with CloudNativePG have its CA, and in production the image', () => {
      for (const { pod } of jobsOf(['audit-jobs', 'cloudnative-pg'])) {
        const [container] = pod.containers;
        assert.ok(container.volumeMounts.some((one: { name: string }) => one.name === 'database-ca'));
        assert.ok(pod.volumes.some((one: { name: string }) => one.name === 'database-ca'));
      }
      const resources = renderProductionWith(['audit-jobs']);
      const images = workloadsOf(resources).map(({ pod }) => pod.containers[0].image);
      assert.deepEqual([...new Set(images)], ['CHANGE_ME_IMAGE']);
    });
  });

  it('knows earlier signing keys with the component for them, and starts without', () => {
    const variables = (components: string[]): Record<string, string> =>
      Object.fromEntries(
        find(renderWith(components), 'Deployment', service).spec.template.spec.containers[0].env.map(
          ({ name, value }: { name: string; value: string }) => [name, value],
        ),
      );
    assert.equal(variables(['audit-signing-key']).AUDIT_EARLIER_KEYS_FILE, undefined);
    const both = variables(['audit-signing-key', 'audit-earlier-keys']);
    assert.equal(both.AUDIT_EARLIER_KEYS_FILE, '/var/run/secrets/audit-public-keys/public-keys');
    assert.notEqual(both.AUDIT_SIGNING_KEY_FILE, undefined);
  });

  it('with notifications has the files where docs/notifications.md names them', () => {
    const pod = find(renderWith(['settings', 'notifications']), 'Deployment', service).spec.template.spec;
    const [container] = pod.containers;
    const { mountPath, readOnly } = container.volumeMounts.find(
      (one: { name: string }) => one.name === 'notifications',
    );
    assert.ok(readOnly);
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(read('docs/notifications.md')) ?? [];
    const { webhooks } = parse(yaml).notifications as { webhooks: Record<string, string>[] };
    const files = webhooks.flatMap(({ urlFile, secretFile }) => [urlFile, secretFile]).filter(Boolean);
    assert.ok(files.length > 1);
    for (const file of files) assert.ok(file?.startsWith(`${mountPath}/`), file);
  });
});

describe('the network', () => {
  each('is closed, but for the ways that are named', (resources) => {
    const policies = resources.filter(({ kind }) => kind === 'NetworkPolicy');
    const deny = find(policies, 'NetworkPolicy', 'default-deny').spec;
    assert.deepEqual(deny, { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    for (const { metadata, spec } of policies) {
      for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
        assert.ok(rule.ports?.length > 0, `${metadata.name} names its ports`);
        const peers = rule.from ?? rule.to;
        // The simulator on one's own machine is open to whoever develops against it.
        if (metadata.name !== 'simulator') assert.ok(peers?.length > 0, `${metadata.name} names its peers`);
      }
    }
    const ports = (name: string) =>
      [...(find(policies, 'NetworkPolicy', name).spec.ingress ?? [])].flatMap((rule) =>
        rule.ports.map(({ port }: { port: string }) => port),
      );
    assert.deepEqual(ports('from-gateway'), ['http']);
    assert.deepEqual(ports('from-prometheus'), ['management']);
  });

  const mayReach = (resources: Resource[], address: string, port: number) =>
    resources
      .filter(
        ({ kind, spec }) =>
          kind === 'NetworkPolicy' && spec.podSelector.matchLabels?.[component] !== 'migrate',
      )
      .flatMap(({ spec }) => spec.egress ?? [])
      .filter(({ ports }) => ports.some((one: { port: number }) => one.port === port))
      .flatMap(({ to }) => to)
      .some(({ ipBlock }) => ipBlock !== undefined && inBlock(address, ipBlock));
  const component = 'app.kubernetes.io/component';
  const inBlock = (address: string, block: { cidr: string; except?: string[] }) => {
    const family = address.includes(':') ? 'ipv6' : 'ipv4';
    const has = (cidr: string) => {
      const [network = '', prefix] = cidr.split('/');
      if (network.includes(':') !== address.includes(':')) return false;
      const list = new BlockList();
      list.addSubnet(network, Number(prefix), family);
      return list.check(address, family);
    };
    return has(block.cidr) && !(block.except ?? []).some(has);
  };

  // Entra ID and Graph at one of their addresses, and what must not be taken for them.
  const reachable: [address: string, base: boolean][] = [
    ['20.190.129.1', true],
    ['2603:1006:2000::1', true],
    ['10.0.0.1', false],
    ['172.16.0.1', false],
    ['172.31.255.254', false],
    ['172.32.0.1', true],
    ['192.168.1.1', false],
    ['100.64.0.1', false],
    ['127.0.0.1', false],
    ['169.254.169.254', false],
    ['168.63.129.16', false],
    ['fd00::1', false],
    ['fe80::1', false],
  ];
  for (const [address, open] of reachable) {
    it(`leads to Microsoft and nowhere private: ${address} ${open ? 'is' : 'is not'} reached on 443`, () => {
      assert.equal(mayReach(base, address, 443), open);
      assert.equal(mayReach(renderWith(['node-local-dns']), address, 443), open);
      assert.equal(mayReach(renderWith(['egress-proxy']), address, 443), false);
      assert.equal(mayReach(renderWith(['cilium-fqdn']), address, 443), false);
    });
  }

  it('with a DNS cache on the node, port 53 there, and no other of its ports', () => {
    const cached = renderWith(['node-local-dns']);
    assert.equal(mayReach(base, '169.254.20.10', 53), false);
    for (const address of ['169.254.20.10', '169.254.10.11'])
      assert.equal(mayReach(cached, address, 53), true);
    for (const port of [80, 443]) assert.equal(mayReach(cached, '169.254.169.254', port), false);
    assert.deepEqual(find(cached, 'NetworkPolicy', 'to-node-local-dns').spec.podSelector, {});
  });

  it('with Cilium, to the hosts of the cloud by name, and every look-up of a name is seen', () => {
    const named = renderWith(['cilium-fqdn']);
    const { endpointSelector, egress } = find(named, 'CiliumNetworkPolicy', 'to-microsoft').spec;
    // The pods that NetworkPolicy let out, and no others.
    const { podSelector } = find(base, 'NetworkPolicy', 'to-microsoft').spec;
    assert.deepEqual(endpointSelector, podSelector);
    const { authorityHost, graphBaseUrl } = clouds.global;
    assert.deepEqual(egress, [
      {
        toFQDNs: [authorityHost, graphBaseUrl].map((url) => ({ matchName: new URL(url).hostname })),
        toPorts: [{ ports: [{ port: '443', protocol: 'TCP' }] }],
      },
    ]);
    const dns = find(named, 'CiliumNetworkPolicy', 'to-dns').spec;
    assert.deepEqual(dns.endpointSelector, {}, 'every pod, as before');
    assert.deepEqual(dns.egress[0].toPorts[0].rules, { dns: [{ matchPattern: '*' }] });
    const past = named.filter(
      ({ kind, spec }) =>
        kind === 'NetworkPolicy' &&
        (spec.egress ?? []).some(({ ports }: { ports: { port: number }[] }) =>
          ports.some(({ port }) => port === 53 || port === 443),
        ),
    );
    assert.deepEqual(past.map(nameOf), []);
  });

  it('with a proxy, to its port and nowhere else, and the service is told of it', () => {
    const proxied = renderWith(['egress-proxy']);
    assert.equal(
      proxied.some(({ metadata }) => metadata.name === 'to-microsoft'),
      false,
    );
    const [rule] = find(proxied, 'NetworkPolicy', 'to-egress-proxy').spec.egress;
    const settings = proxied.find(
      ({ kind, data }) => kind === 'ConfigMap' && data?.HTTPS_PROXY !== undefined,
    );
    const proxy = new URL(settings?.data?.HTTPS_PROXY ?? '');
    assert.deepEqual(
      rule.ports.map(({ port }: { port: number }) => port),
      [Number(proxy.port)],
    );
    const [{ namespaceSelector }] = rule.to;
    assert.equal(proxy.hostname.split('.')[1], namespaceSelector.matchLabels['kubernetes.io/metadata.name']);
  });

  it('leads from outside to the API only, never tries twice, and waits longer than the service takes', () => {
    const route = find(renderWith(['gateway']), 'HTTPRoute', service).spec;
    for (const rule of route.rules) {
      assert.deepEqual(rule.matches, [{ path: { type: 'PathPrefix', value: '/api' } }]);
      assert.equal(rule.retry, undefined);
      assert.ok(Number.parseInt(rule.timeouts.request, 10) >= settings.answerMs / 1000 + 5);
    }
    const ingress = find(renderWith(['ingress']), 'Ingress', service);
    assert.deepEqual(
      ingress.spec.rules[0].http.paths.map((one: { path: string }) => one.path),
      ['/api'],
    );
  });
});

describe('overlays', () => {
  it('production needs the values that the README names, and no others', () => {
    const files = ['service.env', 'cluster.env', 'kustomization.yaml'].map((name) =>
      read(`k8s/overlays/production/${name}`),
    );
    const needed = new Set(files.join('\n').match(/CHANGE_ME_\w+/g));
    needed.delete('CHANGE_ME_');
    const named = [...readme.matchAll(/^\| `(CHANGE_ME_\w+)` \|/gm)].map((match) => match[1]);
    assert.deepEqual([...needed].toSorted(), named.toSorted());
    const rendered = new Set(JSON.stringify(production).match(/CHANGE_ME_\w+/g));
    assert.deepEqual([...rendered].toSorted(), named.toSorted(), 'each of them arrives');
    assert.doesNotMatch(JSON.stringify(production), /example\.com/);
  });

  it('local brings all it refers to, and pulls nothing of ours', () => {
    const images = workloadsOf(local).flatMap(({ pod }) =>
      pod.containers.map((one: { image: string }) => one.image),
    );
    for (const image of images)
      assert.match(image, /^(localhost\/chromeos-connector-bff|docker\.io\/library\/postgres:)/);
  });

  it('ci differs from local in images, addresses and in what podman cannot play, and in nothing else', () => {
    const comparable = (resources: Resource[]) =>
      resources
        .map((resource) => {
          const copy = structuredClone(resource);
          const pod = copy.kind === 'Pod' ? copy.spec : copy.spec?.template?.spec;
          if (pod?.containers) {
            delete pod.hostAliases;
            for (const container of pod.containers) delete container.image;
          }
          if (copy.metadata.name === `${service}-migrate`) return { migration: pod };
          if (copy.metadata.name === 'postgres' && pod) {
            pod.volumes = pod.volumes.filter((volume: { name: string }) => volume.name !== 'postgres-data');
            return { postgres: copy.spec.template };
          }
          return copy;
        })
        .map((one) => JSON.stringify(one))
        .toSorted();
    const [theirs, ours] = [comparable(local), comparable(ci)];
    assert.equal(ours.length, theirs.length);
    for (const [index, one] of ours.entries()) assert.equal(one, theirs[index]);
  });
});

describe('monitoring', () => {
  type Rule = { alert?: string; expr: string };
  const rules = (resources: Resource[]): Rule[] =>
    find(resources, 'PrometheusRule', service).spec.groups.flatMap((group: { rules: Rule[] }) => group.rules);

  it('Azure’s copy has Azure’s group and limits, and its rules are the same ones', () => {
    const resources = renderWith(['azure-managed-prometheus']);
    const monitor = resources.find(({ kind }) => kind === 'ServiceMonitor');
    assert.equal(monitor?.apiVersion, 'azmonitoring.coreos.com/v1');
    assert.ok(
      monitor?.spec.labelLimit && monitor.spec.labelNameLengthLimit && monitor.spec.labelValueLengthLimit,
    );
    const program = join(root, 'k8s/components/azure-managed-prometheus/rule-groups.mjs');
    const { stdout, status, stderr } = spawnSync(program, { env: childEnvironment(), encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const template = JSON.parse(stdout);
    const converted = template.resources.flatMap((one: { properties: { rules: { expression: string }[] } }) =>
      one.properties.rules.map(({ expression }) => expression),
    );
    assert.deepEqual(
      converted,
      rules(renderWith(['prometheus-operator'])).map(({ expr }) => expr),
    );
  });

  it('the dashboard is found by Grafana’s sidecar', () => {
    const map = find(renderWith(['grafana-dashboard']), 'ConfigMap', `${service}-dashboard`);
    assert.equal(map.metadata.labels?.grafana_dashboard, '1');
    assert.equal(JSON.parse(map.data?.['chromeos-connector-bff.json'] ?? '').uid, service);
  });
});

describe('the Dockerfile', () => {
  const lint = (file: string) =>
    spawnSync(
      process.execPath,
      // EI0001 wants one CMD a file, and there are two targets.
      [
        join(root, 'test/k8s/node_modules/dockerlinter/bin/dockerfilelinter.js'),
        '-e',
        '-i',
        'EI0001',
        '-f',
        file,
      ],
      { env: childEnvironment(), encoding: 'utf8' },
    );

  it('is clean', () => {
    const { status, stdout, stderr } = lint(join(root, 'Dockerfile'));
    assert.equal(status, 0, stdout + stderr);
  });

  it('would not be with a shell form, or with root', () => {
    const spoiled = join(root, 'test/k8s/fixtures/Dockerfile.spoiled');
    assert.equal(lint(spoiled).status, 1);
  });
});
