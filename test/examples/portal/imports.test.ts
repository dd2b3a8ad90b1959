import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const portal = fileURLToPath(new URL('../../../examples/portal', import.meta.url));

test('the portal is copied as it is: it imports nothing from outside its folder but its own packages', async () => {
  const manifest = JSON.parse(await readFile(join(portal, 'package.json'), 'utf8'));
  const packages = new Set(Object.keys(manifest.devDependencies));
  const entries = await readdir(portal, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/node_modules|dist/.test(relative(portal, file)));
  assert.ok(files.length > 40);
  for (const file of files) {
    for (const [, from = ''] of (await readFile(file, 'utf8')).matchAll(/\bfrom '([^']+)'/g)) {
      const place = `${relative(portal, file)} imports ${from}`;
      if (from.startsWith('.')) assert.ok(resolve(file, '..', from).startsWith(`${portal}/`), place);
      else if (!from.startsWith('node:')) assert.ok(packages.has(nameOf(from)), place);
    }
  }
  assert.equal(
    manifest.dependencies,
    undefined,
    'nothing of it may come with an installation for production',
  );
});

function nameOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
