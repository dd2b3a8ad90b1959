import { execFile } from 'node:child_process';
import { chown, lstat, mkdir, readdir, readFile, readlink, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ServerUser } from './postgres-binaries.ts';

const run = promisify(execFile);

/** How long a server somebody left running may take to end, in milliseconds. */
const TAKEOVER_MS = 20_000;

/** Where PostgreSQL's own files lie in the folder we were given. */
export const clusterIn = (dataDir: string) => join(dataDir, 'cluster');

/** Makes the folder, and the server's user its owner. Nobody else may look in. */
export async function prepareFolder(dataDir: string, user: ServerUser): Promise<void> {
  try {
    await mkdir(dirname(dataDir), { recursive: true });
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    if (user) await chown(dataDir, user.uid, user.gid);
    await readdir(dataDir);
  } catch (error) {
    throw new Error(`The data folder ${dataDir} cannot be used: ${(error as Error).message}. ${OTHER_OWNER}`);
  }
}

const OTHER_OWNER =
  'If another user made it (root, say), run as that user, or remove it as that user to start afresh.';

/** What is in the folder: data that can be opened, or nothing. Anything else is refused, never removed. */
export async function inspectCluster(dataDir: string, major: string): Promise<'ready' | 'absent'> {
  const cluster = clusterIn(dataDir);
  const startAfresh = `To start afresh, and lose what is in it, remove ${dataDir}.`;
  const files = await readdir(cluster).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`The data in ${cluster} cannot be read: ${error.message}. ${OTHER_OWNER}`);
  });
  if (files === undefined) return 'absent';
  if (files.length === 0) {
    await rm(cluster, { recursive: true });
    return 'absent';
  }
  const version = (await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version !== '' && version !== major) {
    throw new Error(`The data in ${cluster} is PostgreSQL ${version}'s; this is ${major}. ${startAfresh}`);
  }
  const whole = await lstat(join(cluster, 'global/pg_control')).catch(() => undefined);
  const passwords = await lstat(join(dataDir, 'passwords.json')).catch(() => undefined);
  if (!version || !whole) throw new Error(`The data in ${cluster} is not complete. ${startAfresh}`);
  if (!passwords) throw new Error(`${dataDir} has lost its passwords.json. ${startAfresh}`);
  return 'ready';
}

/** Runs `initialise` on a folder beside the final one and then moves it there, so that one killed on
 *  the way never leaves something that looks like data. */
export async function makeCluster(
  dataDir: string,
  initialise: (folderName: string) => Promise<void>,
): Promise<void> {
  const unfinished = join(dataDir, 'cluster.unfinished');
  await rm(unfinished, { recursive: true, force: true });
  await initialise('cluster.unfinished');
  await rename(unfinished, clusterIn(dataDir));
}

/** Ends a server that still runs on this data (its owner was killed a moment ago, or is another run),
 *  and clears away the note of one that does not. */
export async function takeOver(dataDir: string): Promise<void> {
  const cluster = clusterIn(dataDir);
  const note = join(cluster, 'postmaster.pid');
  const pid = Number.parseInt((await readFile(note, 'utf8').catch(() => '')).split('\n')[0] ?? '', 10);
  if (!(pid > 0)) return;
  if (!(await serves(pid, cluster))) {
    // PostgreSQL clears a dead server's note itself, but not one whose number another program has by now.
    if (isAlive(pid)) await rm(note, { force: true });
    return;
  }
  for (const [signal, patience] of [
    ['SIGINT', TAKEOVER_MS],
    ['SIGQUIT', 5_000],
  ] as const) {
    signalTo(pid, signal);
    const deadline = Date.now() + patience;
    while (Date.now() < deadline) {
      if (!(await serves(pid, cluster))) return;
      await delay(10);
    }
  }
  throw new Error(`Another PostgreSQL (process ${pid}) uses ${cluster} and does not end. End it first.`);
}

/** Whether that process is alive and the server of this data: a server's working directory is its data. */
async function serves(pid: number, cluster: string): Promise<boolean> {
  try {
    if (process.platform === 'linux') {
      return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(cluster));
    }
    const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]);
    return stdout.includes('postgres') && stdout.includes(cluster);
  } catch {
    return false; // ended meanwhile, or another user's: then it is not the server of our data
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {} // ended meanwhile
}
