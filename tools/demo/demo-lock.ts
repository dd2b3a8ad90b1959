import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandOf } from '../process-command.ts';
import { DemoFailure } from './demo-failure.ts';

/** Makes sure that one demo at a time uses a data folder. A killed demo's lock is no obstacle. */
export async function lockDemo(dataDir: string): Promise<{ release(): Promise<void> }> {
  const file = join(dataDir, 'demo.lock');
  try {
    await mkdir(dataDir, { recursive: true });
    // Several tries, because a lock may vanish or appear between two reads of it.
    for (let tries = 0; tries < 5; tries += 1) {
      if (await write(file)) return { release: () => rm(file, { force: true }) };
      const holder = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
      if (await isDemo(holder)) {
        throw new DemoFailure(
          `A demo is already running in this folder (process ${holder}). End it with Ctrl-C or: kill ${holder}`,
        );
      }
      await rm(file, { force: true });
    }
  } catch (error) {
    if (error instanceof DemoFailure) throw error;
    throw new DemoFailure(`The data folder ${dataDir} cannot be written: ${(error as Error).message}.`);
  }
  throw new DemoFailure(`Another demo is just starting in this folder (${file}).`);
}

async function write(file: string): Promise<boolean> {
  try {
    await writeFile(file, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether that process is a demo; after a crash its number may be some other program's. */
async function isDemo(pid: number): Promise<boolean> {
  return pid !== process.pid && /\bdemo\.[jt]s\b/.test(await commandOf(pid));
}
