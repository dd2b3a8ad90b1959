import { closeSync, openSync } from 'node:fs';
import { chown, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Janitor, spawnWatched, startJanitor, type WatchedProcess } from '../watched-process.ts';
import {
  createRoles,
  createServiceDatabase,
  keepPasswords,
  type PostgresAccess,
  type ServiceDatabase,
  superuserUrl,
} from './postgres-access.ts';
import { canEnter, chooseServerUser, findBinaries, type ServerUser } from './postgres-binaries.ts';
import { clusterIn, inspectCluster, makeCluster, prepareFolder, takeOver } from './postgres-data.ts';

export type PostgresOptions = {
  /** A folder that is PostgreSQL's alone. */
  dataDir: string;
  /** 0, the default: any that is free. */
  port?: number;
  onLog?: (line: string) => void;
  /** Removes the folder at the end, also when this process is killed. */
  ephemeral?: boolean;
  /** Server settings by name, over the ones set here. */
  settings?: Record<string, string>;
};

export type Postgres = {
  port: number;
  dataDir: string;
  /** What another process needs to reach this cluster. */
  access: PostgresAccess;
  /** A sentence for a person when something was done in an unusual way. */
  note?: string;
  createDatabase(name: string): Promise<ServiceDatabase>;
  superuserUrl(database?: string): string;
  stop(): Promise<void>;
  /** On the same port. `immediate` is a crash: the server recovers as it starts. */
  restart(mode?: 'fast' | 'immediate'): Promise<void>;
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

/** How long a start may take, recovery from a crash included, in milliseconds. */
const START_MS = 60_000;
/** The data folder's descriptor in PostgreSQL's processes. */
const FOLDER_BY_DESCRIPTOR = '/proc/self/fd/5';

/** Starts a real PostgreSQL for the demo and the tests: durable, on 127.0.0.1 only. It ends when this
 *  process ends, however that happens. Data of an earlier run is opened again, and a server that run
 *  left behind is ended first. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  if (process.platform === 'win32') {
    throw new Error('PostgreSQL for the demo and the tests needs Linux or macOS. On Windows, use WSL.');
  }
  const dataDir = resolve(options.dataDir);
  const janitor = startJanitor();
  let server: Server | undefined;
  try {
    const user = await chooseServerUser(clusterIn(dataDir));
    if (options.ephemeral) janitor.remove(dataDir);
    await prepareFolder(dataDir, user);
    const { native, major, copied } = await findBinaries(user, janitor);
    const running = new Server({ ...options, dataDir, user, janitor, native });
    server = running;
    const closed = !(await canEnter(dataDir, user));
    if (closed) running.reachByDescriptor();

    await takeOver(dataDir);
    const state = await inspectCluster(dataDir, major);
    const passwords = await keepPasswords(dataDir);
    if (state === 'absent') await running.initialise(passwords.superuser);
    const port = await running.start(options.port ?? 0);
    const access = { port, passwords };
    await createRoles(access);
    return {
      port,
      dataDir,
      access,
      ...noteOf(copied, closed),
      createDatabase: (name) => createServiceDatabase(access, name),
      superuserUrl: (database) => superuserUrl(access, database),
      stop: () => running.close(),
      restart: (mode) => running.restart(mode ?? 'fast'),
    };
  } catch (error) {
    await (server?.close() ?? janitor.finish());
    throw error;
  }
}

class Server {
  private readonly given: PostgresOptions & { user: ServerUser; janitor: Janitor; native: string };
  /** The data folder as PostgreSQL finds it. */
  private folder: string;
  private descriptor: number | undefined;
  private process: WatchedProcess | undefined;
  private port = 0;

  constructor(given: PostgresOptions & { user: ServerUser; janitor: Janitor; native: string }) {
    this.given = given;
    this.folder = given.dataDir;
  }

  /** A folder above the data is closed to the server's user. A descriptor of ours leads in all the same. */
  reachByDescriptor(): void {
    if (process.platform !== 'linux') {
      throw new Error(
        `PostgreSQL, which does not run as root, cannot enter ${this.folder}. ` +
          'Open the folders above it (chmod o+x), or run as an ordinary user.',
      );
    }
    this.descriptor = openSync(this.folder, 'r');
    this.folder = FOLDER_BY_DESCRIPTOR;
  }

  async initialise(password: string): Promise<void> {
    const { dataDir, user, ephemeral } = this.given;
    const passwordFile = join(dataDir, 'initdb-password');
    await rm(passwordFile, { force: true });
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if (user) await chown(passwordFile, user.uid, user.gid);
    try {
      await makeCluster(dataDir, async (name) => {
        const lines: string[] = [];
        const initdb = await this.run(
          'initdb',
          [
            `--pgdata=${this.folder}/${name}`,
            '--username=postgres',
            `--pwfile=${this.folder}/initdb-password`,
            '--auth=scram-sha-256',
            '--encoding=UTF8',
            '--locale-provider=builtin',
            '--builtin-locale=C.UTF-8',
            '--locale=C',
            ...(ephemeral ? ['--no-sync'] : []),
          ],
          (line) => lines.push(line),
        ); // what is thrown away needn't survive
        const code = await initdb.exited;
        if (code !== 0) throw new Error(`PostgreSQL could not make its data folder: ${tail(lines)}`);
      });
    } finally {
      await rm(passwordFile, { force: true });
    }
  }

  /** Resolves with the port when the server takes connections. */
  async start(port: number): Promise<number> {
    const deadline = Date.now() + START_MS;
    for (;;) {
      this.port = port === 0 ? await freePort() : port;
      const failure = await this.launch(deadline);
      if (failure === undefined) return this.port;
      const lostPort = /could not bind|could not create any TCP\/IP sockets/.test(failure);
      // Children of a server that was killed end a moment after it.
      const stillUsed = /pre-existing shared memory block|lock file "postmaster.pid" already/.test(failure);
      if (!((lostPort && port === 0) || stillUsed) || Date.now() > deadline) {
        if (lostPort) throw new Error(`Port ${port}, meant for PostgreSQL, is taken.`);
        throw new Error(`PostgreSQL did not start: ${failure}`);
      }
      if (stillUsed) await delay(50);
    }
  }

  async restart(mode: 'fast' | 'immediate'): Promise<void> {
    if (mode === 'immediate') this.process?.kill('SIGQUIT');
    await this.process?.stop();
    await this.start(this.port);
  }

  async close(): Promise<void> {
    await this.process?.stop();
    await this.given.janitor.finish();
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  /** Says why the server did not start; nothing when it did. */
  private async launch(deadline: number): Promise<string | undefined> {
    const lines: string[] = [];
    const { promise: ready, resolve: markReady } = Promise.withResolvers<void>();
    const settings = Object.entries({ ...SETTINGS, port: String(this.port), ...this.given.settings });
    const server = await this.run(
      'postgres',
      ['-D', clusterIn(this.folder), ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      (line) => {
        if (lines.length < 100) lines.push(line);
        if (line.includes('database system is ready to accept connections')) markReady();
        this.given.onLog?.(line);
      },
    );
    this.process = server;
    const timer = new AbortController();
    const outcome = await Promise.race([
      ready,
      server.exited.then(() => 'ended'),
      delay(Math.max(0, deadline - Date.now()), 'late', { signal: timer.signal }).catch(() => 'ended'),
    ]);
    timer.abort();
    if (outcome === undefined) return undefined;
    if (outcome === 'late') await server.stop();
    return tail(lines) || 'it said nothing';
  }

  private run(program: string, args: string[], output: (line: string) => void): Promise<WatchedProcess> {
    const { native, user, janitor } = this.given;
    return spawnWatched(join(native, 'bin', program), args, {
      // Nothing of ours: PGDATA, PGPORT, LD_LIBRARY_PATH and the like would lead it astray.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
      cwd: '/',
      output,
      inherit: [janitor.hold, ...(this.descriptor === undefined ? [] : [this.descriptor])],
      gentleSignal: 'SIGINT', // "fast shutdown": disconnects clients, keeps data clean
      lastSignal: 'SIGQUIT',
      ...(user ? { user } : {}),
    });
  }
}

function noteOf(copied: boolean, closed: boolean): { note?: string } {
  if (!copied && !closed) return {};
  const ways = [
    ...(copied ? ['uses a temporary copy of its programs'] : []),
    ...(closed ? ['reaches its data through this process'] : []),
  ];
  return {
    note:
      `PostgreSQL does not run as root, and its user cannot enter this folder, so it ${ways.join(' and ')}; ` +
      'the data stays where it is. To have it plain, open the folder (chmod o+x) or run as an ordinary user.',
  };
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

function tail(lines: string[]): string {
  return lines.slice(-6).join(' ').trim();
}
