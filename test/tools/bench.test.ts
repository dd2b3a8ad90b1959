import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Measured } from '../../tools/bench/compare.ts';
import type { PartResult } from '../../tools/bench/part.ts';
import type { Report } from '../../tools/bench/report.ts';
import { childEnvironment } from '../../tools/child-environment.ts';
import { processesOf, until, untilNoneOf } from '../support/processes.ts';

/** The bench as `npm run bench` starts it, as short as it can be. Nothing here looks at a clock: that it
 *  works is what is tested, and that it counts right. */
describe('npm run bench', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function start(...args: string[]) {
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL('../../tools/bench/main.ts', import.meta.url)), ...args],
      {
        env: childEnvironment({ TMPDIR: folder }),
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const said = { output: '', progress: '' };
    child.stdout.on('data', (chunk) => {
      said.output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      said.progress += chunk;
    });
    const exit = once(child, 'close').then(([code]) => code as number);
    return { child, said, exit };
  }

  async function nothingIsLeft(): Promise<void> {
    await untilNoneOf(folder);
    await until('its temporary files are gone', async () =>
      (await readdir(folder)).every((name) => name.endsWith('.json')),
    );
  }

  test('measures reads and disconnects beside the others, and says what was reached', async () => {
    const jsonFile = join(folder, 'report.json');
    const { said, exit } = start('--smoke', '--only', 'read,disconnect', '--json', jsonFile);
    assert.equal(await exit, 0, said.progress);

    const report: Report = JSON.parse(await readFile(jsonFile, 'utf8'));
    const reads = report.parts.read?.data as Measured[];
    assert.deepEqual(
      reads.map(({ name, users }) => `${name} ${users}`),
      [1, 20].flatMap((users) => ['raw', 'bare', 'sample', 'ours'].map((name) => `${name} ${users}`)),
    );
    for (const { name, perSecond, p50, p99, cpu } of reads) {
      for (const { median } of [perSecond, p50, p99, cpu]) assert.ok(median > 0, name);
    }

    // What a disconnect asks of others is the same however fast it goes.
    const { each } = (report.parts.disconnect as PartResult).data as { each: Record<string, number> };
    assert.deepEqual([each.token, each.list, each.act, each.upstreamCalls], [1, 1, 1, 3]);
    assert.ok(Number(each.durableCommits) >= 1 && Number(each.durableCommits) <= 4, `${each.durableCommits}`);

    const figures = report.verdicts.map(({ figure }) => figure);
    assert.deepEqual(figures, ['read1', 'sample1', 'upstreamCalls', 'commits', 'disconnectCpu']);
    for (const { what, target } of report.verdicts) {
      assert.ok(said.output.includes(what) && said.output.includes(target), what);
    }
    await nothingIsLeft();
  });

  test('leaves nothing behind when it is interrupted', async () => {
    const { child, said, exit } = start('--smoke', '--only', 'read');
    await until('it warms up', () => said.progress.includes('warming up raw'));
    const own = await childrenOf(child.pid);
    assert.ok((await processesOf(folder)).length > 0, 'the service and PostgreSQL work in its folder');
    child.kill('SIGINT');
    await until('it has heard', () => said.progress.includes('ending everything'));
    // From npm, which passes on what the terminal has sent already.
    child.kill('SIGINT');
    assert.equal(await exit, 130, said.progress);
    await nothingIsLeft();
    await until('its own processes are gone', () => own.every((pid) => !isAlive(pid)));
  });

  test('refuses what it does not know, and says what there is', async () => {
    const { said, exit } = start('--only', 'everything');
    assert.equal(await exit, 2);
    assert.match(said.progress, /There is no part everything\./);
    const { said: listed, exit: ended } = start('--list');
    assert.equal(await ended, 0);
    assert.match(listed.output, /^read .*\n(.+\n)*growth /m);
  });
});

async function childrenOf(pid: number | undefined): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
