import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { childEnvironment } from '../../tools/child-environment.ts';
import { readCoverage } from '../../tools/mutation/coverage.ts';
import { equivalents } from '../../tools/mutation/equivalents.ts';
import { type LoadedMutant, MUTANT } from '../../tools/mutation/load-mutant.ts';
import { mutantsOf } from '../../tools/mutation/mutants.ts';
import { changesOfSql } from '../../tools/mutation/sql-mutants.ts';
import { TestOrder } from '../../tools/mutation/test-order.ts';
import { trialsIn } from '../../tools/mutation/trials.ts';

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

describe('the changes of SQL that are tried', () => {
  const changedSql = (sql: string) =>
    changesOfSql(sql).map(
      ({ start, end, replacement }) => sql.slice(0, start) + replacement + sql.slice(end),
    );
  const table: [string, string[]][] = [
    ['begin perform f(); end', ['begin null; end']],
    ['select a for update', ['select a']],
    ['if a then b; end if;', ['if true then b; end if;', 'if false then b; end if;']],
    ['where not exists (select)', ['where exists (select)']],
    ['where exists (select)', ['where not exists (select)']],
    ['where a <= b', ['where a < b', 'where a > b']],
    ['where a is null and b', ['where a is not null and b', 'where a is null or b']],
    ["select 'sent'", ["select 'mutant'"]],
    ['select clock_timestamp()', ['select now()']],
    ['order by a desc limit 1', ['order by a limit 1', 'order by a desc']],
    ['select coalesce(a, f(b))', ['select (a)', 'select (f(b))']],
    ['before update or delete on t', ['before delete on t', 'before update on t']],
    ["-- where a = b, it's said\nselect c", []],
    ["raise exception 'where a = b'", []],
  ];
  for (const [sql, expected] of table) {
    test(sql, () => assert.deepEqual(changedSql(sql), expected));
  }

  test('are tried in a statement’s text, and not in what is put into it', () => {
    const place = '$' + '{a = b}';
    assert.deepEqual(
      changed(`f(\`select ${place} where a = $1\`)`).sort(),
      [';', 'f(``)', `f(\`select ${place} where a <> $1\`)`].sort(),
    );
  });
});

test('a change is loaded, the file stays, and what ran is known', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-mutation-'));
  try {
    const source = 'const a: boolean = true;\nif (a) console.log("yes");\nelse console.log("no");\n';
    const file = join(folder, 'source.ts');
    await writeFile(file, source);
    const url = pathToFileURL(file).href;
    const hook = join(import.meta.dirname, '../../tools/mutation/load-mutant.ts');
    const run = (environment: Record<string, string>, program = file) =>
      spawnSync(process.execPath, ['--import', hook, program], {
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

    const parent = join(folder, 'parent.ts');
    const starting = `execFile(process.execPath, [${JSON.stringify(file)}], { env: {} }, (_, out) => console.log(out))`;
    await writeFile(parent, `import { execFile } from 'node:child_process';\n${starting};\n`);
    assert.equal(
      run({ [MUTANT]: JSON.stringify(mutant) }, parent),
      'no\n\n',
      'by processes that it starts, too',
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a test that notices much in little time is asked first', () => {
  const [quick, slow] = [100, 1000].map((tookMs) => ({ path: `${tookMs}`, tookMs, coverage: () => true }));
  assert.ok(quick && slow);
  const order = new TestOrder();
  const first = () => order.of([slow, quick])[0];
  assert.equal(first(), quick);
  for (let asked = 0; asked < 20; asked += 1) {
    order.learn(quick, false);
    order.learn(slow, true);
  }
  assert.equal(first(), slow);
});

test('each change that is called equivalent is still one that would be tried', async () => {
  const files = new Set(equivalents.map(({ change }) => change.slice(0, change.indexOf(': '))));
  const tried = (await Promise.all([...files].map(trialsIn))).flat().map(({ change }) => change);
  assert.deepEqual(
    equivalents.map(({ change }) => change).filter((change) => !tried.includes(change)),
    [],
  );
});
