import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { availablePort } from '../available-port.ts';
import { childEnvironment } from '../child-environment.ts';
import { commandOf } from '../process-command.ts';
import { removeWithUs } from '../remove-with-us.ts';
import { spawnWatched, type WatchedProcess } from '../watched-process.ts';
import {
  createRoles,
  createServiceDatabase,
  type PostgresAccess,
  type ServiceDatabase,
  superuserUrl,
} from './postgres-access.ts';
import { prefixFor, programsFolder, serverUser } from './postgres-programs.ts';

export type PostgresOptions = {
  /** A folder that is PostgreSQL's alone. */
  dataDir: string;
  /** Removes the folder at the end, also when this process is killed. */
  ephemeral?: boolean;
  /** Server settings by name, over the ones set here. */
  settings?: Record<string, string>;
  /** Called at each try that finds another server still using the data: it is waited for. */
  onWaiting?: () => void;
};

export type Postgres = {
  port: number;
  dataDir: string;
  /** What another process needs to reach this cluster. */
  access: PostgresAccess;
  createDatabase(name: string): Promise<ServiceDatabase>;
  superuserUrl(database?: string): string;
  stop(): Promise<void>;
};

/** Settings on the command line win over files and over what initdb chose for this machine. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  fsync: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C', // the log is read for the line that says it is ready
};

// Data is made in a folder beside the final one, so that a start that was killed never leaves something that
// looks like data.
const START = `
programs=$1 folder=$2 sync=$3; shift 3
if [ ! -e "$folder/cluster" ]; then
  new=$folder/cluster.unfinished
  rm -rf -- "$new" &&
  "$programs/initdb" --pgdata="$new" $sync --username=postgres --pwfile="$folder/superuser-password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C &&
  mv -- "$new" "$folder/cluster" || exit
fi
exec "$programs/postgres" -D "$folder/cluster" "$@"
`;

/** How long a server whose owner was killed a moment ago may take to leave the data, in milliseconds. */
const HAND_OVER_MS = 30_000;

/** Starts a real PostgreSQL for the demo and the tests: durable, on a free port of 127.0.0.1 only. It ends
 *  when this process ends, however that happens. Data of an earlier run is opened again. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const dataDir = resolve(options.dataDir);
  const remove = options.ephemeral ? removeWithUs(dataDir) : async () => {};
  let server: WatchedProcess | undefined;
  const stop = async () => {
    await server?.stop();
    await remove();
  };
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const programs = await programsFolder();
    const user = await serverUser(dataDir);
    const passwordFile = await keepPassword(dataDir);
    if (user) for (const file of [dataDir, passwordFile]) await chown(file, user.uid, user.gid);
    const prefix = await prefixFor(user, { programs, dataDir });
    const sync = options.ephemeral ? '--no-sync' : ''; // what is thrown away needs not survive
    const started = await launch(
      [...prefix, '/bin/sh', '-c', START, 'start-postgres', programs, dataDir, sync],
      { ...options, dataDir },
    );
    server = started.server;
    const access = { port: started.port, password: await readFile(passwordFile, 'utf8') };
    await createRoles(access);
    return {
      port: access.port,
      dataDir,
      access,
      createDatabase: (name) => createServiceDatabase(access, name),
      superuserUrl: (database) => superuserUrl(access, database),
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(
      `${(error as Error).message} PostgreSQL's data is in ${dataDir}. If another user made it (root, say), ` +
        'run as that user; to start afresh, and lose what is in it, remove it.',
    );
  }
}

/** Writes a password for the superuser, unless there is one. Returns its file. */
async function keepPassword(dataDir: string): Promise<string> {
  const file = join(dataDir, 'superuser-password');
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, password, { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return file;
}

/** Starts the server, and waits until it takes connections. */
async function launch(
  command: readonly string[],
  { dataDir, settings, onWaiting }: PostgresOptions,
): Promise<{ server: WatchedProcess; port: number }> {
  const deadline = performance.now() + HAND_OVER_MS;
  for (;;) {
    const port = await availablePort(0);
    const flags = Object.entries({ ...SETTINGS, port, ...settings }).map(
      ([name, value]) => `--${name}=${value}`,
    );
    const lines: string[] = [];
    const ready = Promise.withResolvers<'ready'>();
    const server = await spawnWatched([...command, ...flags], {
      env: childEnvironment({ LC_ALL: 'C' }),
      cwd: '/',
      output(line) {
        if (lines.length < 100) lines.push(line);
        if (line.includes('database system is ready to accept connections')) ready.resolve('ready');
      },
      gentleSignal: 'SIGINT', // "fast shutdown": disconnects clients, keeps data clean
      lastSignal: 'SIGQUIT',
    });
    if ((await Promise.race([ready.promise, server.exited])) === 'ready') return { server, port };

    const said = lines.slice(-6).join(' ').trim() || 'it said nothing.';
    const portTaken = /could not bind|could not create any TCP\/IP sockets/.test(said);
    const dataUsed = /pre-existing shared memory block|lock file "postmaster.pid" already/.test(said);
    if (!(portTaken || dataUsed) || performance.now() > deadline) {
      throw new Error(`PostgreSQL did not start: ${said}`);
    }
    if (dataUsed) {
      onWaiting?.();
      await removeStaleNote(join(dataDir, 'cluster'));
    }
  }
}

/** PostgreSQL clears a dead server's note itself, but not one whose number another program has by now. A
 *  live server is given a moment: its owner was killed, and so will it be. */
async function removeStaleNote(cluster: string): Promise<void> {
  const note = join(cluster, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(note, 'utf8').catch(() => ''), 10);
  if ((await commandOf(pid)).includes(cluster)) await delay(50);
  else await rm(note, { force: true });
}
