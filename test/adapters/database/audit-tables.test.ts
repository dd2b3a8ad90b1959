import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { createDatabase } from '../../../src/adapters/database/database.ts';
import { createEventCommits } from '../../../src/adapters/database/event-commits.ts';
import { KnownHistory } from '../../../src/adapters/database/known-history.ts';
import { createPool } from '../../../src/adapters/database/pool.ts';
import { Secret } from '../../../src/core/secret.ts';
import {
  type AuditScene,
  homeTenant,
  otherTenant,
  sampleEvent,
  startAuditScene,
} from '../../support/audit.ts';

const appendOnly = /append-only|permission denied|must be owner/;

describe('the tables of the audit trail', () => {
  let scene: AuditScene;
  let owner: pg.Client;
  before(async () => {
    scene = await startAuditScene();
    owner = new pg.Client({ connectionString: scene.database.adminUrl });
    await owner.connect();
    const key = await scene.key();
    await scene.append(sampleEvent(homeTenant), sampleEvent(homeTenant));
    await scene.checkpoint(key.signer);
    await scene.superuser.query(
      "insert into audit_removals values (gen_random_uuid(), 'x', 1, 'x', 'k', '\\x00', now())",
    );
  });
  after(async () => {
    await owner?.end();
    await scene?.close();
  });

  test('two pools on two chains give each number once, and an event stands once', async () => {
    const pools = [1, 2].map(() =>
      createPool({
        url: new Secret(scene.database.url),
        size: 4,
        connectTimeoutMs: 5000,
        patienceMs: 10_000,
        onError: () => {},
      }),
    );
    const trails = pools.map((pool) =>
      createEventCommits({
        database: createDatabase(pool, 10_000),
        history: new KnownHistory(() => {}),
        connections: 4,
      }),
    );
    const events = Array.from({ length: 400 }, (_, index) =>
      sampleEvent(index % 3 === 0 ? otherTenant : 'none'),
    );
    // Each event by both, as if nobody knew whether it had been written.
    await Promise.all(events.flatMap((event) => trails.map((trail) => trail.append(event))));
    await Promise.all(pools.map((pool) => pool.end()));
    for (const chain of [otherTenant, 'none']) {
      const { rows } = await scene.superuser.query(
        'select number::int, id from audit_events where chain = $1 order by number',
        [chain],
      );
      const expected = events.filter(({ tenantId }) => tenantId === chain);
      assert.deepEqual(
        rows.map(({ number }) => number),
        expected.map((_, index) => index + 1),
      );
      assert.deepEqual(new Set(rows.map(({ id }) => id)), new Set(expected.map(({ id }) => id)));
    }
    assert.equal((await scene.verify()).code, 14, 'all that is missing is the key');
  });

  const changes = ['audit_events', 'audit_checkpoints', 'audit_removals'].flatMap((table) => [
    `update ${table} set chain = chain`,
    `delete from ${table}`,
    `truncate ${table}`,
  ]);
  for (const statement of [...changes, 'delete from audit_chains', 'truncate audit_chains']) {
    test(`refuses service and owner alike: ${statement}`, async () => {
      await assert.rejects(scene.service.query(statement), appendOnly);
      await assert.rejects(owner.query(statement), /append-only/);
    });
  }

  test('the owner may delete events and their checkpoints, and nothing else, and only by saying so', async () => {
    await owner.query('begin');
    await owner.query("set local chromeos_bff.retention = 'on'");
    assert.equal(
      (await owner.query(`delete from audit_events where chain = '${homeTenant}' and number = 1`)).rowCount,
      1,
    );
    assert.equal(
      (await owner.query(`delete from audit_checkpoints where chain = '${homeTenant}'`)).rowCount,
      1,
    );
    await owner.query('rollback');
    for (const statement of [
      'delete from audit_removals',
      'delete from audit_chains',
      'delete from operations',
      'delete from disconnect_switches',
      'update audit_events set event = event',
      'truncate audit_events',
    ]) {
      await owner.query('begin');
      await owner.query("set local chromeos_bff.retention = 'on'");
      await assert.rejects(owner.query(statement), /append-only/, statement);
      await owner.query('rollback');
    }
    await assert.rejects(owner.query('delete from audit_events'), /append-only/);
  });

  test('a chain’s head never goes back', async () => {
    await assert.rejects(owner.query('update audit_chains set length = length - 1'), /only grows/);
  });

  const forgeries = [
    `insert into audit_events select chain, 99, gen_random_uuid(), occurred_at, event, actor_oid, operation_id, record, digest, link from audit_events limit 1`,
    `insert into audit_chains values ('x', 0, '\\x00')`,
    'update audit_chains set length = length + 1',
    `insert into operations (id, tenant_id, status, requester_oid, requester_client_id, connection_id, connection, request_id, requested_at, moved_at)
       values (gen_random_uuid(), 'x', 'sent', 'x', 'x', 'x', '{}', gen_random_uuid(), now(), now())`,
    "update operations set status = 'completed'",
    `insert into audit_checkpoints (id, chain, number, statement, made_at) values (gen_random_uuid(), 'x', 1, 'x', now())`,
    `insert into disconnect_switches (id, tenant_id, enabled, reason, changed_by, changed_at) values (gen_random_uuid(), '*', true, 'x', 'x', now())`,
    "insert into audit_losses (chain, number, link) values ('x', 1, 'x')",
    'update audit_losses set acknowledged_at = now()',
    `select acknowledge_lost_history('x', 'x', 'x', '[]')`,
    "select lock_chain_head('x')",
    `insert into audit_removals values (gen_random_uuid(), 'x', 1, 'x', null, null, now())`,
    'drop trigger audit_events_append_only on audit_events',
    'alter table audit_events disable trigger all',
    'set session_replication_role = replica',
    'create or replace function refuse_change() returns trigger language plpgsql as $$ begin return null; end $$',
    `create or replace function record_audit_events(events json, lock_ms integer) returns table (tenant text, length bigint, head bytea, open_id uuid) language sql as 'select null, 0, null, null'`,
    'create table shadow (x int)',
    'set role chromeos_bff_owner',
    'alter table audit_events owner to chromeos_bff',
    'drop table audit_events',
  ];
  for (const statement of forgeries) {
    test(`the service’s role cannot: ${statement.slice(0, 60)}`, async () => {
      await assert.rejects(scene.service.query(statement), /permission denied|must be owner/);
    });
  }

  test('the setting that retention uses gives the service’s role nothing', async () => {
    const client = await scene.service.connect();
    try {
      await client.query('begin');
      await client.query("set local chromeos_bff.retention = 'on'");
      await assert.rejects(client.query('delete from audit_events'), /permission denied/);
      await client.query('rollback');
    } finally {
      client.release();
    }
  });

  test('a temporary table of the same name does not lead the function astray', async () => {
    const client = await scene.service.connect();
    try {
      // Where temporary tables are allowed at all.
      const allowed = await client.query("select has_database_privilege(current_database(), 'temp') as temp");
      if (allowed.rows[0].temp) await client.query('create temp table audit_events (id uuid)');
      await client.query('select record_audit_events($1::json, 1000)', [
        JSON.stringify([sampleEvent(homeTenant)]),
      ]);
    } finally {
      client.release(true);
    }
    const { rows } = await scene.superuser.query(
      `select count(*)::int as n from audit_events where chain = '${homeTenant}'`,
    );
    assert.equal(rows[0].n, 3);
  });
});
