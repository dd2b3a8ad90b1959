import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parse } from 'yaml';
import { texts } from '../src/http/problem-texts.ts';

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8');

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

test('every problem code has an entry in docs/errors.md, and no entry is left over', async () => {
  const codes = Object.keys(texts);
  const entries = [...(await read('docs/errors.md')).matchAll(/^\| <a id="(\w+)"><\/a>`(\w+)` \|/gm)];
  for (const [, anchor, code] of entries) assert.equal(anchor, code);
  assert.ok(codes.length > 20);
  assert.deepEqual(entries.map((entry) => entry[1]).toSorted(), codes.toSorted());
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
