import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../src/adapters/database/migrate.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Postgres } from '../postgres/postgres.ts';
import { asSuperuser, dropDatabase } from '../postgres/postgres-access.ts';

/** A migrated database of a part's own. */
export type BenchDatabase = {
  readonly name: string;
  readonly url: string;
  /** Its owner's. */
  readonly adminUrl: string;
  /** A connection as the owner. */
  connect(): Promise<pg.Client>;
  drop(): Promise<void>;
};

export async function createDatabase(postgres: Postgres, name: string): Promise<BenchDatabase> {
  const { url, adminUrl } = await postgres.createDatabase(name);
  await migrate({ url: new Secret(url), adminUrl: new Secret(adminUrl) });
  return {
    name,
    url,
    adminUrl,
    connect: () => connect(adminUrl),
    drop: () => dropDatabase(postgres.access, name),
  };
}

/** What the server has committed so far. */
export type Commits = {
  /** Transactions that changed something, by their records in the write-ahead log: each is one fsync that
   *  was waited for, shared or not. */
  readonly durable: (since: string) => Promise<number>;
  readonly position: string;
  /** All transactions of the database, those that only read among them. */
  readonly all: number;
};

/** Reads the counters. Ends the service's idle connections for it (it opens others): PostgreSQL's counters
 *  are complete only when a connection has handed them in. */
export async function readCommits(postgres: Postgres, database: string): Promise<Commits> {
  return asSuperuser(postgres.access, async (client) => {
    await client.query('create extension if not exists pg_walinspect');
    await client.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1', [
      database,
    ]);
    await client.query('select pg_stat_clear_snapshot()');
    const { rows } = await client.query<{ position: string; all: string }>(
      `select pg_current_wal_flush_lsn()::text as position, xact_commit as all
       from pg_stat_database where datname = $1`,
      [database],
    );
    const [row] = rows;
    return {
      position: row?.position ?? '',
      all: Number(row?.all),
      durable: (since) => commitRecords(postgres, since, row?.position ?? ''),
    };
  });
}

async function commitRecords(postgres: Postgres, from: string, to: string): Promise<number> {
  return asSuperuser(postgres.access, async (client) => {
    const { rows } = await client.query<{ count: string }>(
      `select coalesce(sum(count), 0) as count from pg_get_wal_stats($1::pg_lsn, $2::pg_lsn, true)
       where "resource_manager/record_type" = 'Transaction/COMMIT'`,
      [from, to],
    );
    return Number(rows[0]?.count);
  });
}

/** In bytes, indexes included. */
export async function databaseSize(postgres: Postgres, database: string): Promise<number> {
  return asSuperuser(postgres.access, async (client) => {
    const { rows } = await client.query<{ size: string }>('select pg_database_size($1) as size', [database]);
    return Number(rows[0]?.size);
  });
}

/** CPU that all of PostgreSQL's processes have taken so far, in seconds; `null` where /proc does not tell. */
export async function databaseCpuSeconds(postgres: Postgres): Promise<number | null> {
  if (process.platform !== 'linux') return null;
  const note = await readFile(join(postgres.dataDir, 'cluster/postmaster.pid'), 'utf8');
  const postmaster = note.split('\n')[0] ?? '';
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    processes.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')),
  );
  const ticks = stats.reduce((sum, stat) => {
    // The program's name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (stat.startsWith(`${postmaster} `)) return sum + ticksIn(fields, 11, 15);
    return fields[1] === postmaster ? sum + ticksIn(fields, 11, 13) : sum;
  }, 0);
  return ticks / 100;
}

// proc_pid_stat(5): utime, stime, and for children that have ended cutime, cstime.
function ticksIn(fields: readonly string[], from: number, to: number): number {
  return fields.slice(from, to).reduce((sum, field) => sum + Number(field), 0);
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return client;
}
