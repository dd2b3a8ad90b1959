import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import {
  createRoles,
  createServiceDatabase,
  type ServiceDatabase,
} from '../../tools/postgres/postgres-access.ts';
import { until } from '../support/processes.ts';

const run = promisify(execFile);
const packages = '/usr/lib/postgresql';

/** A PostgreSQL of Debian's on a port of its own, which trusts everyone on this machine. */
export type DebianPostgres = {
  readonly port: number;
  readonly dataDir: string;
  /** A database with production's two roles. */
  createDatabase(name: string): Promise<ServiceDatabase>;
  /** Runs a statement as the superuser. */
  query<Row extends pg.QueryResultRow>(sql: string, database?: string): Promise<Row[]>;
  signal(signal: NodeJS.Signals): void;
  /** Fast, or as a crash. */
  stop(how?: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void>;
  start(settings?: Record<string, string>): Promise<void>;
  promote(): Promise<void>;
};

type Options = {
  readonly settings?: Record<string, string>;
  /** Copies this one, and follows it. */
  readonly standbyOf?: DebianPostgres;
  /** What the standby calls itself. */
  readonly name?: string;
};

/** Where Debian has put PostgreSQL's programs. */
export async function debianPrograms(): Promise<string> {
  const [newest] = (await readdir(packages)).sort((one, other) => Number(other) - Number(one));
  return join(packages, String(newest), 'bin');
}

/** Starts one; it ends with the test that asked for it, which is to call `stop` and `remove`. */
export async function startDebianPostgres({
  settings = {},
  standbyOf,
  name = 'standby',
}: Options = {}): Promise<DebianPostgres & { remove(): Promise<void> }> {
  const programs = await debianPrograms();
  const user = await postgresUser();
  const dataDir = await mkdtemp(join(tmpdir(), 'chromeos-bff-debian-'));
  await chown(dataDir, user.uid, user.gid);
  const port = await freePort();
  const call = (program: string, args: string[]) =>
    run(join(programs, program), args, { ...user, cwd: '/', env: { LC_ALL: 'C' } });
  if (standbyOf === undefined) {
    await call('initdb', [
      '-D',
      dataDir,
      '--auth=trust',
      '--username=postgres',
      '--encoding=UTF8',
      '--no-sync',
    ]);
  } else {
    const source = `host=127.0.0.1 port=${standbyOf.port} user=postgres application_name=${name}`;
    await call('pg_basebackup', ['-R', '-D', dataDir, '-d', source, '--checkpoint=fast', '--no-sync']);
  }
  let server: ChildProcess | undefined;
  const postgres: DebianPostgres & { remove(): Promise<void> } = {
    port,
    dataDir,
    async createDatabase(database) {
      const access = { port, password: 'trusted' };
      await createRoles(access);
      return createServiceDatabase(access, database);
    },
    async query(sql, database = 'postgres') {
      const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database });
      client.on('error', () => {});
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    },
    signal: (signal) => server?.kill(signal),
    async stop(how = 'SIGINT') {
      if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
      const ended = once(server, 'exit');
      server.kill('SIGCONT');
      server.kill(how);
      await ended;
      // A server that was killed leaves children, who must be gone before it can start again.
      if (how === 'SIGKILL') await rm(join(dataDir, 'postmaster.pid'), { force: true });
    },
    async start(changed = {}) {
      const all = { ...defaults, ...settings, ...changed, port: String(port) };
      const args = Object.entries(all).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
      server = spawn(join(programs, 'postgres'), ['-D', dataDir, ...args], {
        ...user,
        cwd: '/',
        env: { LC_ALL: 'C' },
        stdio: process.env.SHOW_POSTGRES ? 'inherit' : 'ignore',
      });
      await until('PostgreSQL answers', () =>
        postgres.query('select 1').then(
          () => true,
          () => false,
        ),
      );
    },
    async promote() {
      await call('pg_ctl', ['promote', '-D', dataDir, '-w']);
    },
    async remove() {
      await postgres.stop('SIGQUIT');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  await postgres.start();
  return postgres;
}

const defaults = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '120',
  wal_level: 'replica',
  max_wal_senders: '5',
  hot_standby: 'on',
  lc_messages: 'C',
};

export type PgBouncer = { readonly port: number; close(): Promise<void> };

/** Debian's pgbouncer in front of it, which trusts everyone too. */
export async function startPgBouncer(
  postgres: DebianPostgres,
  poolMode: 'transaction' | 'session',
): Promise<PgBouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'chromeos-bff-pgbouncer-'));
  const user = await postgresUser();
  const port = await freePort();
  await writeFile(
    join(folder, 'pgbouncer.ini'),
    `[databases]
* = host=127.0.0.1 port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
auth_file = ${join(folder, 'users')}
pool_mode = ${poolMode}
default_pool_size = ${poolMode === 'transaction' ? 3 : 20}
max_client_conn = 200
`.replace('auth_type = any', 'auth_type = trust'),
  );
  await writeFile(join(folder, 'users'), '"chromeos_bff" ""\n"chromeos_bff_owner" ""\n');
  await run('chown', ['-R', `${user.uid}:${user.gid}`, folder]);
  const bouncer = spawn('/usr/sbin/pgbouncer', [join(folder, 'pgbouncer.ini')], {
    ...user,
    stdio: process.env.SHOW_POSTGRES ? 'inherit' : 'ignore',
  });
  await until('pgbouncer answers', async () => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'chromeos_bff', database: 'pgbouncer' });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return true;
    } catch (error) {
      // It answers, though it does not let us into its own console.
      return error instanceof pg.DatabaseError;
    }
  });
  return {
    port,
    async close() {
      const ended = once(bouncer, 'exit');
      bouncer.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function postgresUser(): Promise<{ uid: number; gid: number } | Record<string, never>> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
