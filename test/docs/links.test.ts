import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documents = globSync(['*.md', 'docs/**/*.md', 'k8s/*.md', 'examples/*/*.md'], {
  cwd: root,
  exclude: ['**/node_modules/**'],
});

describe('the documents', () => {
  for (const document of documents) {
    test(`${document} leads to what there is`, () => {
      const text = proseOf(join(root, document));
      const lost = [...text.matchAll(/\]\(([^()\s]+)\)/g)]
        .map((match) => String(match[1]))
        // A path from the root is an address of the service, which serves errors.md.
        .filter((target) => !/^([a-z]+:|\/)/.test(target) && !leadsSomewhere(document, target));
      assert.deepEqual(lost, []);
    });
  }
});

function leadsSomewhere(document: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? join(root, document) : join(root, dirname(document), path);
  if (relative(root, file).startsWith('..') || !existsSync(file)) return false;
  return anchor === undefined || (statSync(file).isFile() && anchorsIn(proseOf(file)).has(anchor));
}

/** Without what stands in fences, which is no prose. */
function proseOf(file: string): string {
  return readFileSync(file, 'utf8').replace(/^( *)```.*?^\1```/gms, '');
}

/** As GitHub makes them of headings, and those that are written down. */
function anchorsIn(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    String(heading)
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
  const written = [...text.matchAll(/<a id="([^"]+)">/g)].map((match) => String(match[1]));
  return new Set([...headings, ...written]);
}
