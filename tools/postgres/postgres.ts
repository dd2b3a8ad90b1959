import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startJanitor } from '../janitor.ts';
import { commandOf } from '../process-command.ts';
import { spawnWatched, type WatchedProcess } from '../watched-process.ts';
import {
  createRoles,
  createServiceDatabase,
  type PostgresAccess,
  type ServiceDatabase,
  superuserUrl,
} from './postgres-access.ts';
import { findPrograms, type PostgresPrograms, postgresEnvironment } from './postgres-programs.ts';

export type PostgresOptions = {
  /** A folder that is PostgreSQL's alone. */
  dataDir: string;
  /** Removes the folder at the end, also when this process is killed. */
  ephemeral?: boolean;
  /** Server settings by name, over the ones set here. */
  settings?: Record<string, string>;
  /** Hears of each try that found another server still using the data: it is waited for. */
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

/** How long a server whose owner was killed a moment ago may take to leave the data, in milliseconds. */
const HAND_OVER_MS = 30_000;

type Run = (
  program: 'initdb' | 'postgres',
  args: string[],
  onLine: (line: string) => void,
) => Promise<WatchedProcess>;

/** Starts a real PostgreSQL for the demo and the tests: durable, on a free port of 127.0.0.1 only. It ends
 *  when this process ends, however that happens. Data of an earlier run is opened again. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const dataDir = resolve(options.dataDir);
  const cluster = join(dataDir, 'cluster');
  const janitor = startJanitor();
  let server: WatchedProcess | undefined;
  const stop = async () => {
    await server?.stop();
    await janitor.finish();
  };
  try {
    if (options.ephemeral) janitor.remove(dataDir);
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const programs = await findPrograms(dataDir);
    const run: Run = (program, args, output) =>
      spawnWatched(programs.command(program, args), {
        env: postgresEnvironment,
        cwd: '/',
        output,
        hold: janitor.hold,
        gentleSignal: 'SIGINT', // "fast shutdown": disconnects clients, keeps data clean
        lastSignal: 'SIGQUIT',
      });
    const password = existsSync(cluster)
      ? await readFile(passwordFileIn(dataDir), 'utf8')
      : await makeCluster({ ...options, dataDir }, programs, run);
    const launched = await launch(cluster, run, options);
    server = launched.server;
    const access = { port: launched.port, password };
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

const passwordFileIn = (dataDir: string) => join(dataDir, 'superuser-password');

/** Makes an empty cluster and gives its superuser's password. It is made in a folder beside the final one,
 *  so that one killed on the way never leaves something that looks like data. */
async function makeCluster(
  { dataDir, ephemeral = false }: PostgresOptions,
  programs: PostgresPrograms,
  run: Run,
): Promise<string> {
  const password = randomBytes(24).toString('base64url');
  const passwordFile = passwordFileIn(dataDir);
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, password, { mode: 0o600 });
  await programs.own(passwordFile);
  const unfinished = join(dataDir, 'cluster.unfinished');
  await rm(unfinished, { recursive: true, force: true });

  const lines: string[] = [];
  const initdb = await run(
    'initdb',
    [
      `--pgdata=${unfinished}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      ...(ephemeral ? ['--no-sync'] : []), // what is thrown away needs not survive
    ],
    (line) => lines.push(line),
  );
  if ((await initdb.exited) !== 0) throw new Error(`PostgreSQL could not make its data: ${tail(lines)}`);
  await rename(unfinished, join(dataDir, 'cluster'));
  return password;
}

/** Starts the server, and waits until it takes connections. */
async function launch(
  cluster: string,
  run: Run,
  { settings, onWaiting }: Pick<PostgresOptions, 'settings' | 'onWaiting'>,
): Promise<{ server: WatchedProcess; port: number }> {
  const deadline = performance.now() + HAND_OVER_MS;
  for (;;) {
    const port = await freePort();
    const lines: string[] = [];
    const ready = Promise.withResolvers<'ready'>();
    const flags = Object.entries({ ...SETTINGS, port: String(port), ...settings }).flatMap(
      ([name, value]) => ['-c', `${name}=${value}`],
    );
    const server = await run('postgres', ['-D', cluster, ...flags], (line) => {
      if (lines.length < 100) lines.push(line);
      if (line.includes('database system is ready to accept connections')) ready.resolve('ready');
    });
    if ((await Promise.race([ready.promise, server.exited])) === 'ready') return { server, port };

    const said = tail(lines) || 'it said nothing.';
    const portTaken = /could not bind|could not create any TCP\/IP sockets/.test(said);
    const dataUsed = /pre-existing shared memory block|lock file "postmaster.pid" already/.test(said);
    if (!(portTaken || dataUsed) || performance.now() > deadline) {
      throw new Error(`PostgreSQL did not start: ${said}`);
    }
    if (dataUsed) {
      onWaiting?.();
      await removeStaleNote(cluster);
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

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => found(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

const tail = (lines: string[]) => lines.slice(-6).join(' ').trim();
