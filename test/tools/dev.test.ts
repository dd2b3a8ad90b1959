import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../../tools/child-environment.ts';
import { until, untilNoneOf } from '../support/processes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

let clone: string;
let dev: ChildProcess | undefined;

before(async () => {
  clone = await mkdtemp(join(tmpdir(), 'dev-test-'));
  await chmod(clone, 0o755);
  for (const name of ['config', 'docs', 'package.json', 'public', 'simulator', 'src', 'tools']) {
    await cp(join(root, name), join(clone, name), { recursive: true });
  }
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'));
});

after(async () => {
  // The watching one and the watched one; what that started ends with it.
  if (dev?.pid !== undefined && dev.exitCode === null) process.kill(-dev.pid, 'SIGKILL');
  await untilNoneOf(clone);
  await rm(clone, { recursive: true, force: true });
});

test('npm run dev: a change of the service restarts the service, one of the simulator all of it', async () => {
  dev = spawn(process.execPath, ['--watch', '--watch-preserve-output', join(clone, 'tools/dev/dev.ts')], {
    cwd: clone,
    env: childEnvironment(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [dev.stdout, dev.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  }
  const count = (text: string) => output.split(text).length - 1;
  const counts = () => [
    count('The schema is up to date.'),
    count('"msg":"listening"'),
    count('Ctrl-C ends it.'),
  ];
  const reached = (what: string, listening: number, begun: number) =>
    until(what, () => count('"msg":"listening"') === listening && count('Ctrl-C ends it.') === begun);

  await reached('it is up', 1, 1);
  const api = /^API +(\S+)$/m.exec(output)?.[1] ?? assert.fail(output);
  assert.equal((await fetch(api)).status, 200);
  await appendFile(join(clone, 'src/core/secret.ts'), '\n// changed\n');
  await reached('the service is up again', 2, 1);
  await appendFile(join(clone, 'simulator/directory.ts'), '\n// changed\n');
  await reached('all of it is up again', 3, 2);
  assert.deepEqual(counts(), [2, 3, 2], 'and each start looked at the schema');

  const exit = once(dev, 'exit');
  dev.kill('SIGINT');
  await exit;
  await untilNoneOf(clone);
});
