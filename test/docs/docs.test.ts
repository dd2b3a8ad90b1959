import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parse } from 'yaml';
import { catalogue } from '../../src/http/problems/catalogue.ts';

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

test('the README’s table and custom-environment-variables.yaml name the same variables', async () => {
  const mapped = leaves(parse(await read('config/custom-environment-variables.yaml')));
  const section = (await read('README.md')).split('## Configuration')[1]?.split('\n## ')[0] ?? '';
  const documented = [...section.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(documented.toSorted(), mapped.toSorted());
});

test('every variable stands for a key of default.yaml', async () => {
  const defaults = parse(await read('config/default.yaml'));
  const map = parse(await read('config/custom-environment-variables.yaml'));
  assert.deepEqual(
    paths(map).filter((path) => !has(defaults, path)),
    [],
  );
});

test('every problem code has an entry in docs/errors.md with all that a portal must know, and no entry is left over', async () => {
  const entries = (await read('docs/errors.md')).split(/^### /m).slice(1);
  assert.deepEqual(
    entries.map((entry) => /^`(\w+)`\n/.exec(entry)?.[1]).toSorted(),
    Object.keys(catalogue).toSorted(),
  );
  for (const entry of entries) {
    const [, code = ''] = /^`(\w+)`/.exec(entry) ?? [];
    const { status, title } = catalogue[code as keyof typeof catalogue];
    assert.ok(entry.includes(`\n\n${status} · ${title}\n\n`), `${code}: its status and title`);
    for (const part of ['Means', 'The user sees', 'The portal']) {
      assert.match(entry, new RegExp(`^- \\*\\*${part}:\\*\\* .{10,}\\.`, 'm'), `${code}: ${part}`);
    }
  }
});

function leaves(node: object): string[] {
  return Object.values(node).flatMap((value) => (typeof value === 'string' ? [value] : leaves(value)));
}

function paths(node: object, prefix: string[] = []): string[][] {
  return Object.entries(node).flatMap(([key, value]) =>
    typeof value === 'string' ? [[...prefix, key]] : paths(value, [...prefix, key]),
  );
}

function has(node: unknown, path: string[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  return typeof node === 'object' && node !== null && key in node && has(node[key as keyof object], rest);
}
