import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { ReadOnlyServer } from '../../../src/adapters/database/connection-lost.ts';
import { beginSession, isPooled } from '../../../src/adapters/database/session.ts';
import { queryOf } from '../../../src/adapters/database/statement.ts';
import { superuserUrl } from '../../../tools/postgres/postgres-access.ts';
import { postgresAccess } from '../../support/postgres.ts';

// Through a real pooler: test/database/poolers.check.ts.

async function connected(t: TestContext): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: superuserUrl(postgresAccess()) });
  await client.connect();
  t.after(() => client.end());
  return client;
}

const limitOf = async (client: pg.ClientBase) =>
  (await client.query('show statement_timeout')).rows[0].statement_timeout;
const statement = { name: 'answer', text: 'select 42' };

test('a session that is ours alone gets our limits, and names its statements by what they say', async (t) => {
  const client = await connected(t);
  await beginSession(client, 1000);
  assert.equal(isPooled(client), false);
  assert.equal(await limitOf(client), '900ms');
  const { name, ...query } = queryOf(client, statement, [1]);
  assert.deepEqual(query, { text: 'select 42', values: [1] });
  assert.match(String(name), /^answer-[0-9a-f]{12}$/);
  assert.equal(queryOf(client, statement, []).name, name);
  assert.equal(queryOf(client, { ...statement }, []).name, name, 'in another process too');
  assert.notEqual(queryOf(client, { ...statement, text: 'select 43' }, []).name, name);
});

test('one that a pooler lends us, and another the next moment, keeps nothing of ours', async (t) => {
  const client = await connected(t);
  // A pooler makes up a process id of its own.
  const lent = Object.assign(client, { processID: 1 });
  await beginSession(lent, 1000);
  assert.equal(isPooled(lent), true);
  assert.equal(await limitOf(client), '0');
  assert.deepEqual(queryOf(lent, statement, [1]), { text: 'select 42', values: [1] });
});

for (const because of ['recovery', 'setting'] as const) {
  test(`is not begun with a server that takes no writes (${because})`, async () => {
    const asked: pg.QueryConfig[] = [];
    const client = {
      processID: 1,
      async query(config: pg.QueryConfig) {
        asked.push(config);
        return { rows: [{ direct: true, read_only: true, recovering: because === 'recovery' }] };
      },
    };
    await assert.rejects(
      beginSession(client as unknown as pg.ClientBase, 1234),
      (error) => error instanceof ReadOnlyServer && error.because === because,
    );
    assert.equal(
      (asked[0] as { query_timeout?: number }).query_timeout,
      1234,
      'it waits no longer than we do',
    );
  });
}
