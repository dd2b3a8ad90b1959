import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { childEnvironment } from '../../tools/child-environment.ts';
import { readCoverage } from '../../tools/mutation/coverage.ts';
import { type LoadedMutant, MUTANT } from '../../tools/mutation/load-mutant.ts';
import { mutantsOf } from '../../tools/mutation/mutants.ts';

const changed = (source: string) =>
  mutantsOf('source.ts', source).map(
    ({ start, end, replacement }) => source.slice(0, start) + replacement + source.slice(end),
  );

describe('the changes that are tried', () => {
  const table: [string, string[]][] = [
    ['f(a === b)', [';', 'f(a !== b)']],
    ['f(a < b)', [';', 'f(a <= b)', 'f(a >= b)']],
    ['f(a ?? b)', [';', 'f(a && b)']],
    ['f(!a)', [';', 'f(a)']],
    ['f(a?.b)', [';', 'f(a.b)']],
    ['f({ a, b: true })', [';', 'f({  b: true })', 'f({ a,  })', 'f({ a, b: false })']],
    ["f('a')", [';', "f('')"]],
    ['f(/^a$/i)', [';', 'f(/a$/i)', 'f(/^a/i)', 'f(/^a$/)']],
    ['f([a])', [';', 'f([])']],
    ['f(() => a)', [';', 'f(() => undefined)']],
    ['f(a.some(b))', [';', 'f(a.every(b))']],
    ['if (a) f();', ['if (true) f();', 'if (false) f();', 'if (a) ;']],
    ['function g(): void { f(); }', ['function g(): void {}', 'function g(): void { ; }']],
    // What is of types or of modules only is no change of what runs.
    ["import a from 'a'; type B = 'b' | true; const c = a as 'c';", []],
  ];
  for (const [source, expected] of table) {
    test(source, () => assert.deepEqual(changed(source).sort(), expected.sort()));
  }
});

test('a change is loaded, the file stays, and what ran is known', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-mutation-'));
  try {
    const source = 'const a: boolean = true;\nif (a) console.log("yes");\nelse console.log("no");\n';
    const file = join(folder, 'source.ts');
    await writeFile(file, source);
    const url = pathToFileURL(file).href;
    const hook = join(import.meta.dirname, '../../tools/mutation/load-mutant.ts');
    const run = (environment: Record<string, string>) =>
      spawnSync(process.execPath, ['--import', hook, file], {
        env: childEnvironment(environment),
        encoding: 'utf8',
      }).stdout;
    const coverage = join(folder, 'coverage');
    assert.equal(run({ NODE_V8_COVERAGE: coverage }), 'yes\n');
    const covers = await readCoverage(coverage);
    assert.deepEqual(
      ['"yes"', '"no"'].map((text) => covers(url, source.indexOf(text))),
      [true, false],
    );
    assert.equal(covers('file:///elsewhere.ts', 0), false);

    const start = source.indexOf('true');
    const mutant: LoadedMutant = { url, start, end: start + 4, replacement: 'false' };
    assert.equal(run({ [MUTANT]: JSON.stringify(mutant) }), 'no\n');
    assert.equal(run({ [MUTANT]: JSON.stringify({ ...mutant, url: `${url}x` }) }), 'yes\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});
