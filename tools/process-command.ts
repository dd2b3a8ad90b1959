import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { childEnvironment } from './child-environment.ts';

/** The command line of a process, its words separated by spaces; empty where there is no such process. A process id
 *  that was written down may be another program's by now: this shows it. */
export async function commandOf(pid: number): Promise<string> {
  if (!(pid > 0)) return '';
  try {
    if (process.platform === 'linux') {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    }
    const args = ['-o', 'command=', '-p', String(pid)];
    return (await promisify(execFile)('ps', args, { env: childEnvironment() })).stdout;
  } catch {
    return '';
  }
}
