import { spawnSync } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { childEnvironment } from '../../tools/child-environment.ts';

export type Process = { pid: number; command: string };

/** The processes that mention a text (a folder, say) on their command line or work in a folder of
 *  that name. A zombie does neither. */
export async function processesOf(text: string): Promise<Process[]> {
  if (process.platform !== 'linux') {
    const lines = spawnSync('ps', ['-axo', 'pid=,args='], {
      env: childEnvironment(),
      encoding: 'utf8',
    }).stdout.split('\n');
    return lines
      .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim() }))
      .filter(({ command, pid }) => command.includes(text) && pid !== process.pid);
  }
  const found: Process[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!(pid > 0) || pid === process.pid) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (command.includes(text) || folder.includes(text)) {
      found.push({ pid, command: command.replaceAll('\0', ' ') });
    }
  }
  return found;
}

/** How long a test may wait for its environment before that counts as stuck, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Waits for a condition, and gives up when its environment is stuck. */
export async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${PATIENCE_MS / 1000} s in vain until ${what}`);
    await delay(20);
  }
}

/** Waits until no process mentions the text. */
export function untilNoneOf(text: string): Promise<void> {
  return until(`no process mentions ${text}`, async () => (await processesOf(text)).length === 0);
}

/** How many timers this process has running. */
export function runningTimers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}
