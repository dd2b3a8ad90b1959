import type pg from 'pg';
import { ReadOnlyServer } from './connection-lost.ts';
import { firstRow } from './first-row.ts';

/** The limits of our sessions, in milliseconds: all a little shorter than our own patience, so that
 *  PostgreSQL has given up, and let go of its locks, when we do. */
export function sessionLimits(patienceMs: number) {
  const limit = Math.max(1, Math.round(patienceMs * 0.9));
  return {
    statement_timeout: `${limit}ms`,
    lock_timeout: `${lockPatience(patienceMs)}ms`,
    // We are gone, or frozen, with a transaction open: its locks must not wait for us.
    idle_in_transaction_session_timeout: `${limit}ms`,
    // For a peer that vanished silently.
    tcp_user_timeout: `${Math.max(1000, patienceMs)}ms`,
    tcp_keepalives_idle: '5s',
    tcp_keepalives_interval: '2s',
    tcp_keepalives_count: '2',
  };
}

/** For how long a statement waits for a lock, in milliseconds. */
export function lockPatience(patienceMs: number): number {
  return Math.max(1, Math.round(patienceMs * 0.75));
}

const pooled = new WeakSet<pg.ClientBase>();

/** Whether a pooler stands between us and PostgreSQL: what belongs to a session there (named statements, settings)
 *  may belong to another's the next moment. */
export function isPooled(client: pg.ClientBase): boolean {
  return pooled.has(client);
}

/** What a role or a database may say otherwise for reasons of its own, and we rest on. */
const expected = {
  search_path: 'public, pg_temp',
  // A longer wait for a chain's head is not a serialization failure.
  default_transaction_isolation: 'read committed',
  // An idle connection of the pool is not idle for nothing.
  idle_session_timeout: '0',
  datestyle: 'ISO',
  // Plans are made when a session first comes by, perhaps on empty tables, and kept: a scan that cost nothing then
  // would read the whole trail each time later. What cannot do without one is not worth compiling.
  enable_seqscan: 'off',
  jit: 'off',
};

/** Asks a new connection who answers, and sets our limits and what we expect, where the session is ours alone. A
 *  pooler is recognized by the process id it reports: it is none of PostgreSQL's. Fails with `ReadOnlyServer`. */
export async function beginSession(client: pg.ClientBase, patienceMs: number): Promise<void> {
  const settings = { ...sessionLimits(patienceMs), ...expected };
  const own = (client as pg.ClientBase & { processID: number | null }).processID;
  const { rows } = await client.query<{ direct: boolean; read_only: boolean; recovering: boolean }>({
    text: `
      select direct, current_setting('transaction_read_only') = 'on' as read_only,
        pg_is_in_recovery() as recovering, (
        select count(set_config(key, value, false)) from json_each_text($2) where direct)
      from (select pg_backend_pid() = $1::int as direct) asked`,
    values: [own, JSON.stringify(settings)],
    query_timeout: patienceMs,
  } as pg.QueryConfig);
  const session = firstRow(rows);
  if (session.read_only) throw new ReadOnlyServer(session.recovering ? 'recovery' : 'setting');
  if (!session.direct) pooled.add(client);
}
