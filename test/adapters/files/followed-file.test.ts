import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { FollowedFile, UnusableFile } from '../../../src/adapters/files/followed-file.ts';
import { secretFrom } from '../../../src/adapters/files/followed-secret.ts';
import { Secret } from '../../../src/core/secret.ts';

let folder: string;
let path: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-followed-'));
});
after(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  path = join(folder, crypto.randomUUID());
});

type Word = { readonly word: string };

/** Follows a file of one word; `secret words` make its parser fail as a library's does. */
function follow(paths: readonly string[] = [path]) {
  const problems: string[] = [];
  let parsed = 0;
  const file = new FollowedFile<Word>({
    paths,
    parse: (contents) => {
      parsed += 1;
      const word = contents.map(String).join('+');
      if (word === '') throw new UnusableFile('is empty');
      if (word === 'secret words') throw new SyntaxError(`Unexpected token in "${word}"`);
      return { word };
    },
    onProblem: (problem) => problems.push(problem),
  });
  return { file, problems, parsed: () => parsed };
}

/** As if it had been written long ago: what a file system's clock can tell apart. */
async function age(file: string): Promise<void> {
  const past = new Date(Date.now() - 3_600_000);
  await utimes(file, past, past);
}

describe('a followed file', () => {
  test('gives the same object until it holds something else', async () => {
    await writeFile(path, 'one');
    const { file, problems, parsed } = follow();
    const first = file.get();
    assert.deepEqual(first, { word: 'one' });
    assert.equal(file.get(), first);
    await writeFile(path, 'one');
    assert.equal(file.get(), first, 'touched, and the same in it');
    assert.equal(parsed(), 1);
    await writeFile(path, 'two');
    assert.deepEqual(file.get(), { word: 'two' });
    assert.deepEqual([problems, file.problem], [[], null]);
  });

  test('sees a change of the same length at once, whatever the file system’s clock', async () => {
    await writeFile(path, 'aaa');
    const { file } = follow();
    for (const word of ['aaa', 'bbb', 'ccc', 'ddd', 'eee']) {
      await writeFile(path, word);
      assert.deepEqual(file.get(), { word });
    }
  });

  test('sees what Kubernetes does: a folder behind a symbolic link is swapped', async () => {
    const current = join(folder, 'current');
    for (const word of ['one', 'two']) {
      const target = join(folder, word);
      await mkdir(target);
      await writeFile(join(target, 'file'), word);
      await age(join(target, 'file'));
      await symlink(target, join(folder, 'next'));
      await rename(join(folder, 'next'), current);
    }
    const { file } = follow([join(current, 'file')]);
    assert.deepEqual(file.get(), { word: 'two' });
    await symlink(join(folder, 'one'), join(folder, 'next'));
    await rename(join(folder, 'next'), current);
    assert.deepEqual(file.get(), { word: 'one' });
  });

  test('empty, broken or gone, the last good value stays, and each problem is told once', async () => {
    await writeFile(path, 'good');
    const { file, problems } = follow();
    const good = file.get();
    for (const content of ['', '', 'secret words', 'secret words']) {
      await writeFile(path, content);
      assert.equal(file.get(), good);
    }
    assert.equal(file.problem, 'is not usable');
    await rm(path);
    assert.equal(file.get(), good);
    assert.equal(file.get(), good);
    // What a library says quotes what it could not read.
    assert.deepEqual(problems, ['is empty', 'is not usable', 'is not there']);

    await writeFile(path, 'good');
    assert.equal(file.get(), good);
    assert.equal(file.problem, null);
    await writeFile(path, '');
    file.get();
    assert.equal(problems.at(-1), 'is empty');
  });

  test('that never held anything is null, with words for why', async () => {
    await mkdir(path);
    const { file } = follow();
    assert.equal(file.get(), null);
    assert.equal(file.problem, 'is a folder');
    const below = follow([join(path, 'file', 'below')]);
    assert.equal(below.file.get(), null);
    assert.equal(below.file.problem, 'is not there');
    await writeFile(join(path, 'file'), 'x');
    below.file.get();
    assert.equal(below.file.problem, 'is not there');
    const long = follow([join(folder, 'x'.repeat(300))]);
    assert.equal(long.file.get(), null);
    assert.equal(long.file.problem, 'cannot be read (ENAMETOOLONG)');
  });

  test('may be several that belong together', async () => {
    const other = `${path}-other`;
    await writeFile(path, 'cert');
    const { file } = follow([path, other]);
    assert.equal(file.get(), null);
    await writeFile(other, 'key');
    assert.deepEqual(file.get(), { word: 'cert+key' });
    await writeFile(other, 'KEY');
    assert.deepEqual(file.get(), { word: 'cert+KEY' });
  });
});

describe('a secret in a file', () => {
  test('is read when it changes, without the blanks around it, and does not show', async () => {
    const problems: string[] = [];
    const secret = secretFrom({ file: path }, (problem) => problems.push(problem));
    assert.throws(() => secret.reveal(), /^Error: the file with the secret is not there$/);
    for (const value of ['one', 'two']) {
      await writeFile(path, `\n ${value}\r\n`);
      assert.equal(secret.reveal(), value);
    }
    for (const shown of [String(secret), JSON.stringify({ secret }), inspect({ secret })]) {
      assert.doesNotMatch(shown, /two|followed/);
    }
    assert.deepEqual(problems, ['is not there']);
  });

  const unusable: [content: string | Buffer, problem: RegExp][] = [
    ['', /is empty/],
    [' \n', /is empty/],
    ['one\ntwo', /more than one line/],
    [Buffer.from('secret', 'utf16le'), /UTF-8/],
  ];
  for (const [content, problem] of unusable) {
    test(`is not ${JSON.stringify(String(content))}: the one before stays`, async () => {
      const problems: string[] = [];
      const secret = secretFrom({ file: path }, (one) => problems.push(one));
      await writeFile(path, 'good');
      assert.equal(secret.reveal(), 'good');
      await writeFile(path, content);
      assert.equal(secret.reveal(), 'good');
      assert.match(problems.join(), problem);
    });
  }

  test('may be given itself', () => {
    const value = new Secret('x');
    assert.equal(secretFrom({ value }), value);
  });
});
