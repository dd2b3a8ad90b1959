import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { until } from '../support/processes.ts';
import { scene } from '../support/scene.ts';

describe('gauges that come out of the database', () => {
  const it = scene();

  /** An operation another replica left behind. */
  async function insertOperation(tenantId: string, ...path: string[]): Promise<void> {
    const id = randomUUID();
    await it.query(
      `insert into operations (id, tenant_id, status, requester_oid, requester_client_id, connection_id,
         connection, request_id, requested_at, sent_at, moved_at)
       values ($1, $2, 'sent', 'someone', 'portal', 'connection', '{}', $1, now(), now() - interval '3 minutes', now())`,
      [id, tenantId],
    );
    for (const status of path) {
      await it.query(
        "update operations set status = $2, lease_until = now() + interval '1 hour' where id = $1",
        [id, status],
      );
    }
  }
  const scrape = async () => (await it.service.management.get('/metrics').expect(200)).text;
  const has = (text: string, line: string) => text.split('\n').includes(`chromeos_bff_${line}`);

  test('what any replica left open is seen by this one, and a new one', async () => {
    const { tenantId } = it;
    await until('it has looked', async () =>
      has(await scrape(), `attempts_without_outcome{tenant="${tenantId}"} 0`),
    );
    await insertOperation('tenant-a', 'sent');
    await insertOperation('tenant-b', 'sent', 'unknown');
    await insertOperation('tenant-c', 'sent', 'accepted');
    await until('it is seen', async () =>
      /operations_accepted_oldest_seconds\{tenant="tenant-c"\}/.test(await scrape()),
    );
    const text = await scrape();
    assert.ok(has(text, 'attempts_without_outcome{tenant="tenant-a"} 1'));
    for (const line of [
      'operations_unknown{tenant="tenant-b"} 1',
      `operations_unknown{tenant="${tenantId}"} 0`,
      `audit_history_lost{tenant="${tenantId}"} 0`,
      'database_statements_waiting 0',
      'ready 1',
      'operations_open{status="sent"} 1',
      'operations_open{status="unknown"} 1',
      'operations_open{status="accepted"} 1',
      'database_up 1',
      'audit_writable 1',
      'database_role_excessive 0',
      'database_pool_connections{state="waiting"} 0',
      'requests_in_flight 0',
    ]) {
      assert.ok(has(text, line), line);
    }
    assert.match(
      text,
      /^chromeos_bff_operations_accepted_oldest_seconds\{tenant="tenant-c"\} [12]\d\d(\.\d+)?$/m,
    );
    assert.match(
      text,
      /^chromeos_bff_build_info\{version="\d+\.\d+\.\d+",revision="\w+",node="24\.[\d.]+"\} 1$/m,
    );
    assert.match(text, /^chromeos_bff_signing_keys_stale\{tenant="[\w-]+"\} 0$/m);
  });

  test('a role that may not append is seen at once; and so is a write that fails', async () => {
    const role = new URL(it.testEnvironment.database.url).username;
    await it.query(`revoke execute on function record_audit_events(json, integer) from ${role}`);
    await until('it is seen', async () => has(await scrape(), 'audit_writable 0'));
    const call = () => it.readConnection({ as: 'reader' });
    assert.equal((await call()).status, 503);
    await it.query(`grant execute on function record_audit_events(json, integer) to ${role}`);
    await until('the role may again', async () => has(await scrape(), 'database_up 1'));
    assert.ok(has(await scrape(), 'audit_writable 0'), 'the last write failed');
    assert.equal((await call()).status, 200);
    await until('it is writable again', async () => has(await scrape(), 'audit_writable 1'));
  });

  test('without the database they are gone, not stale', async () => {
    await it.query('alter table operations rename to operations_away');
    try {
      await until('they are gone', async () => !/^chromeos_bff_operations_open\{/m.test(await scrape()));
      const text = await scrape();
      for (const name of ['attempts_without_outcome', 'operations_unknown', 'database_role_excessive']) {
        assert.doesNotMatch(text, new RegExp(`^chromeos_bff_${name}[ {]`, 'm'));
      }
      assert.ok(has(text, 'database_up 1'), 'it answers, but lacks a table');
      assert.ok(has(text, 'audit_writable 0'));
    } finally {
      await it.query('alter table operations_away rename to operations');
    }
    await until('they are back', async () =>
      has(await scrape(), 'attempts_without_outcome{tenant="tenant-a"} 1'),
    );
  });

  test('a database that is out of reach is down', async () => {
    const lost = await it.start({
      environment: { DATABASE_URL: 'postgres://nobody:x@localhost:1/none' },
      unready: true,
    });
    const { text } = await lost.management.get('/metrics').expect(200);
    assert.ok(has(text, 'database_up 0'));
    assert.ok(has(text, 'ready 0'));
    assert.ok(has(text, 'audit_writable 0'));
    assert.doesNotMatch(text, /^chromeos_bff_operations_/m);
  });
});
