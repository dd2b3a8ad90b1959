import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

type Package = {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly license?: string;
  readonly engines?: unknown;
  readonly link?: boolean;
};
type Manifest = {
  readonly workspaces?: readonly string[];
  readonly allowScripts?: Readonly<Record<string, boolean>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
type Packages = Readonly<Record<string, Package>>;

const manifestIn = (folder: string): Manifest => read(`${folder}/package.json`);
const read = (path: string) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'));

// Reviewed: all permissive, and none asks anything of those who only run what we build. A new one is looked at first.
const licences = new Set([
  '(BSD-3-Clause OR GPL-2.0)', // the former is chosen
  '(MIT AND Zlib)',
  '(MIT OR CC0-1.0)',
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT OR Apache-2.0',
  'Unlicense', // given to the public domain
]);
// Packages whose manifest states none in a form npm understands; by name, with what their files say.
const statedElsewhere: Readonly<Record<string, string>> = {
  '@monokle/types': 'MIT', // as the repository it is part of
  'dom-walk': 'MIT',
  'passport-strategy': 'MIT',
  pastable: 'MIT',
  pause: 'MIT',
  'valid-url': 'MIT',
};
// Of programs that look at our files and become part of nothing we hand on.
const toolLicences: Readonly<Record<string, string>> = {
  argparse: 'Python-2.0',
  'axe-core': 'MPL-2.0',
  'caniuse-lite': 'CC-BY-4.0',
  dockerlinter: 'GPL-3.0-or-later',
  lightningcss: 'MPL-2.0',
};

// The root, and the workspaces, which npm links to.
function isOurs(path: string): boolean {
  return path === '' || path === 'examples/portal';
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

// Some tools come as one package for each platform.
function toolOf(name: string): string {
  return name.replace(/^(lightningcss)-[\w-]+$/, '$1');
}

function unreviewedScripts(packages: Packages, { allowScripts = {} }: Manifest): string[] {
  return Object.entries(packages)
    .filter(([path, one]) => path !== '' && one.hasInstallScript && !(nameOf(path) in allowScripts))
    .map(([path]) => nameOf(path));
}

function unreviewedLicences(packages: Packages): string[] {
  return Object.entries(packages)
    .filter(([path, one]) => !isOurs(path) && !one.link)
    .map(([path, one]) => [nameOf(path), one.license ?? statedElsewhere[nameOf(path)] ?? 'none'] as const)
    .filter(([name, licence]) => !licences.has(licence) && toolLicences[toolOf(name)] !== licence)
    .map(([name, licence]) => `${name}: ${licence}`);
}

// Scripts run on the Node that is pinned here, whichever installs: what packages want of one would only make
// `npm ci` warn about the other.
test('npm ci has nothing to say about the Node that installs', () => {
  const { packages }: { packages: Packages } = read('package-lock.json');
  const wanting = Object.entries(packages).filter(([path, { engines }]) => !isOurs(path) && engines);
  assert.deepEqual(
    wanting.map(([path]) => path),
    [],
    'remove "engines" of dependencies from package-lock.json',
  );
});

for (const folder of ['', 'test/k8s/', 'test/clients/']) {
  describe(`what ${folder}package-lock.json brings`, () => {
    const manifest: Manifest = read(`${folder}package.json`);
    const { packages }: { packages: Packages } = read(`${folder}package-lock.json`);

    test('every package is known by what is in it, and not by where it was found', () => {
      for (const [path, one] of Object.entries(packages)) {
        if (isOurs(path)) continue;
        if (one.link) {
          assert.ok(isOurs(one.resolved ?? ''), path);
          continue;
        }
        assert.equal(one.resolved, undefined, path);
        assert.match(one.integrity ?? '', /^sha512-/, path);
      }
    });

    test('every version is exact', () => {
      const manifests: Manifest[] = [manifest, ...(manifest.workspaces ?? []).map(manifestIn)];
      for (const { dependencies, devDependencies, optionalDependencies } of manifests) {
        for (const [name, version] of Object.entries({
          ...dependencies,
          ...devDependencies,
          ...optionalDependencies,
        })) {
          assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
        }
      }
    });

    test('every install script has been looked at, and allowScripts names no other', () => {
      assert.deepEqual(unreviewedScripts(packages, manifest), []);
      const withScript = new Set(
        Object.entries(packages)
          .filter(([, one]) => one.hasInstallScript)
          .map(([path]) => nameOf(path)),
      );
      assert.deepEqual(
        Object.keys(manifest.allowScripts ?? {}).filter((name) => !withScript.has(name)),
        [],
      );
    });

    test('every licence has been looked at', () => {
      assert.deepEqual(unreviewedLicences(packages), []);
    });
  });
}

test('a new install script and a new licence are found', () => {
  const packages: Packages = {
    'node_modules/a': { hasInstallScript: true, license: 'MIT' },
    'node_modules/b/node_modules/@c/d': { hasInstallScript: true, license: 'AGPL-3.0' },
    'node_modules/e': {},
  };
  assert.deepEqual(unreviewedScripts(packages, { allowScripts: { a: false } }), ['@c/d']);
  assert.deepEqual(unreviewedLicences(packages), ['@c/d: AGPL-3.0', 'e: none']);
});
