import type { TestContext } from 'node:test';
import pg from 'pg';
import { superuserUrl } from '../../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../../support/postgres.ts';
import { until } from '../../support/processes.ts';

/** A connection on which a statement runs, and its SQLSTATE once it has failed. */
export async function running(t: TestContext, ...before: string[]) {
  const client = new pg.Client({ connectionString: superuserUrl(postgresAccess()) });
  await client.connect();
  t.after(() => client.end());
  const pid = (await client.query('select pg_backend_pid() as pid')).rows[0].pid;
  for (const text of before) await client.query(text);
  const statement = client.query('select pg_sleep(60)').then(
    () => null,
    (error) => error.code,
  );
  const other = new pg.Client({ connectionString: superuserUrl(postgresAccess()) });
  await other.connect();
  t.after(() => other.end());
  await until('it runs', async () => {
    const { rows } = await other.query('select wait_event from pg_stat_activity where pid = $1', [pid]);
    return rows[0]?.wait_event === 'PgSleep';
  });
  return { client, statement };
}

/** The same connection, as if it had been made otherwise. */
export const but = (client: pg.ClientBase, differing: object) =>
  Object.create(client, Object.getOwnPropertyDescriptors(differing)) as pg.ClientBase;
