import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const rooms = '{src,simulator,tools,test,examples,config,docs,k8s}';
const exclude = ['**/node_modules/**', '**/dist/**'];
const files = globSync(['*.md', `${rooms}/**/*.{ts,tsx,sql,md,yaml,json}`], { cwd: root, exclude });
const names = new Set(files.map((file) => basename(file)));
const sources = files.filter((file) => /\.(tsx?|sql)$/.test(file));

// A project of its own, which may be copied.
const portal = 'examples/portal/';
// Not in the repository, or not any more.
const madeByOthers = new Set(['config/local.yaml']);
const ofThePast = ['CHANGELOG.md'];

const path = /(?<![\w./-])(?:src|simulator|tools|test|examples|config|docs|k8s)\/[\w./-]*\.[a-z]+\b/g;
const name = /(?<![\w./-])[a-z][\w-]*(?:\.[a-z]+)?\.(?:ts|tsx|sql)\b/g;
const comment = /\/\*[\s\S]*?\*\/|(?<=^|\s)(?:\/\/|-- )[^\n]*/g;
const call = /`([a-zA-Z]\w+)\(\)`/g;

/** What comments and documents point at by name outlives a renaming only if somebody looks. */
describe('what comments and documents name is there', () => {
  const comments = sources.map((file) => ({ file, text: commentsIn(read(file)) }));
  const documents = files
    .filter((file) => file.endsWith('.md') && !ofThePast.includes(file))
    .map((file) => ({ file, text: read(file) }));
  const texts = [...comments, ...documents];
  const lost = (pattern: RegExp, isThere: (found: string, file: string) => boolean) =>
    texts.flatMap(({ file, text }) =>
      [...text.matchAll(pattern)]
        .map((match) => match[1] ?? match[0])
        .filter((found) => !isThere(found, file))
        .map((found) => `${file}: ${found}`),
    );

  test('files by their path', () => {
    assert.deepEqual(
      lost(
        path,
        (found, file) =>
          madeByOthers.has(found) ||
          existsSync(join(root, found)) ||
          (file.startsWith(portal) && existsSync(join(root, portal, found))),
      ),
      [],
    );
  });

  test('files by their name', () => {
    assert.deepEqual(
      lost(name, (found) => names.has(found)),
      [],
    );
  });

  test('functions', () => {
    const code = sources.map((file) => read(file).replaceAll(comment, ' ')).join('\n');
    const words = new Set(code.match(/\w+/g));
    assert.deepEqual(
      lost(call, (found) => words.has(found)),
      [],
    );
  });
});

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function commentsIn(text: string): string {
  return (text.match(comment) ?? []).join('\n');
}
