import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { AuditEvent } from '../../src/core/audit/audit-event.ts';
import {
  type AuditScene,
  homeTenant,
  type Key,
  otherTenant,
  sampleEvent,
  startAuditScene,
} from '../support/audit.ts';
import { until } from '../support/processes.ts';

const tables = ['audit_events', 'audit_chains', 'audit_checkpoints', 'audit_removals'];
const home = `chain = '${homeTenant}'`;

const yes = ['--by', 'Olga Operator', '--yes'];

describe('retention', () => {
  let scene: AuditScene;
  let key: Key;
  let outside: string;
  before(async () => {
    scene = await startAuditScene();
    key = await scene.key();
    const events = (tenantId: string, year: number, count: number) =>
      Array.from({ length: count }, () => sampleEvent(tenantId, { time: `${year}-06-01T00:00:00.000Z` }));
    // Two of 2022, then a checkpoint; three of 2023, of which the last is not before a checkpoint.
    await scene.append(...events(homeTenant, 2022, 2), ...events(otherTenant, 2022, 1));
    const first = await scene.checkpoint(key.signer, '2022-12-31T00:00:00.000Z');
    await scene.append(...events(homeTenant, 2023, 2));
    const second = await scene.checkpoint(key.signer, '2023-12-31T00:00:00.000Z');
    await scene.append(...events(homeTenant, 2023, 1), ...events(homeTenant, 2025, 3));
    const third = await scene.checkpoint(key.signer, '2025-12-31T00:00:00.000Z');
    outside = await scene.file(first + second + third);
    for (const table of tables) await scene.superuser.query(`create table kept_${table} as table ${table}`);
  });
  after(() => scene?.close());
  beforeEach(async () => {
    await scene.attack(
      ...tables.flatMap((table) => [`truncate ${table}`, `insert into ${table} select * from kept_${table}`]),
    );
  });

  const count = async (where = 'true') => {
    const { rows } = await scene.superuser.query(
      `select count(*)::int as n from audit_events where ${where}`,
    );
    return rows[0].n;
  };

  test('only says what it would do, unless told to do it', async () => {
    const { code, out, err } = await scene.retention(key, '--before', '2024-01-01');
    assert.deepEqual([code, err], [0, '']);
    assert.match(
      out,
      new RegExp(`${homeTenant}: events 1 to 4 \\(the newest of 2023-06-01.*would be removed`),
    );
    assert.match(out, new RegExp(`${otherTenant}: events 1 to 1 .*would be removed`));
    assert.match(out, /Nothing was removed/);
    assert.equal(await count(), 9);
  });

  test('says what is due as a role that may only read, with public keys alone', async () => {
    const days = Math.floor((Date.now() - Date.parse('2024-01-01')) / 86_400_000);
    const reader = { ...key, privateFile: '' };
    const { code, out, err } = await scene.retentionAs(
      scene.database.url,
      reader,
      '--older-than',
      `${days}d`,
      '--public-key',
      key.publicFile,
    );
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, new RegExp(`${homeTenant}: events 1 to 4 .*would be removed`));
    assert.match(out, /Nothing was removed/);
    const removing = await scene.retention(
      reader,
      '--before',
      '2024-01-01',
      '--public-key',
      key.publicFile,
      ...yes,
    );
    assert.equal(removing.code, 1);
    assert.match(removing.err, /AUDIT_SIGNING_KEY_FILE is required/);
    assert.equal(await count(), 9);
  });

  test('removes up to a signed checkpoint, states it, and what is left verifies and says so', async () => {
    const { code, out } = await scene.retention(key, '--before', '2024-01-01', ...yes);
    assert.equal(code, 0, out);
    assert.match(out, /events 1 to 4 .* were removed/);
    assert.equal(await count(`${home} and number <= 4`), 0);
    assert.equal(await count(home), 5);
    const { rows } = await scene.superuser.query<{ record: AuditEvent }>(
      `select record from audit_events where ${home} order by number desc limit 1`,
    );
    assert.deepEqual(
      [rows[0]?.record.event, rows[0]?.record.action, rows[0]?.record.actor.oid],
      ['removed', 'remove_audit_events', 'operator'],
    );
    assert.match(String(rows[0]?.record.explanation), /events 1 to 4 of before 2024-01-01/);

    const verified = await scene.verify('--public-key', key.publicFile, '--checkpoints', outside);
    assert.equal(verified.code, 0, verified.out);
    assert.match(
      verified.out,
      new RegExp(`${homeTenant}: 5 events, nothing wrong. Retention removed events 1 to 4 on`),
    );
    assert.match(
      verified.out,
      new RegExp(`${otherTenant}: 1 event, nothing wrong. Retention removed events 1 to 1`),
    );
    assert.match(verified.out, /event 9 is unproven/);

    // And again, further.
    const further = await scene.retention(
      key,
      '--before',
      '2026-01-01',
      '--tenant',
      homeTenant.toUpperCase(),
      ...yes,
    );
    assert.match(further.out, /events 5 to 8 .* were removed/);
    const again = await scene.verify('--public-key', key.publicFile, '--checkpoints', outside);
    assert.equal(again.code, 0, again.out);
    assert.match(again.out, /2 events, nothing wrong. Retention removed events 1 to 8/);
  });

  test('finds what was altered after it: the statement, or one event more that is gone', async () => {
    await scene.retention(key, '--before', '2024-01-01', ...yes);
    for (const [how, code] of [
      [`delete from audit_events where ${home} and number = 5`, 11],
      [`update audit_removals set statement = replace(statement, '"number":4', '"number":5')`, 11],
      [`delete from audit_removals where ${home}`, 11],
      [`update audit_removals set number = 3 where ${home}`, 17],
    ] as const) {
      await scene.superuser.query('begin');
      await scene.superuser.query('set local session_replication_role = replica');
      for (const table of ['audit_events', 'audit_removals']) {
        await scene.superuser.query(`create table if not exists saved_${table} as table ${table}`);
      }
      await scene.superuser.query('commit');
      await scene.attack(how);
      const found = await scene.verify('--public-key', key.publicFile);
      assert.equal(found.code, code, `${how}: ${found.out}`);
      await scene.attack(
        ...['audit_events', 'audit_removals'].flatMap((table) => [
          `truncate ${table}`,
          `insert into ${table} select * from saved_${table}`,
        ]),
      );
    }
  });

  test('keeps what a newer event stands before, and what no checkpoint covers', async () => {
    assert.match((await scene.retention(key, '--before', '2022-01-01')).out, /Nothing to remove/);
    const { out } = await scene.retention(key, '--before', '2023-06-01', '--tenant', homeTenant);
    assert.match(out, /events 1 to 2 /);
    assert.doesNotMatch(out, new RegExp(otherTenant));
  });

  test('appending goes on while it works', async () => {
    // Holds retention where it deletes: the service's appends must not wait for it.
    await scene.superuser.query('begin');
    await scene.superuser.query(`select from audit_events where ${home} and number = 1 for update`);
    const removing = scene.retention(key, '--before', '2024-01-01', '--tenant', homeTenant, ...yes);
    try {
      await until('retention waits', async () => {
        const { rows } = await scene.service.query(
          "select from pg_locks where not granted and locktype = 'transactionid'",
        );
        return rows.length > 0;
      });
      await scene.append(sampleEvent(homeTenant));
    } finally {
      await scene.superuser.query('commit');
    }
    assert.equal((await removing).code, 0);
    const { code, out } = await scene.verify('--public-key', key.publicFile);
    assert.equal(code, 0, out);
    assert.match(out, /: 6 events, nothing wrong. Retention removed events 1 to 4/);
  });

  test('does not tidy away an alteration', async () => {
    await scene.attack(
      `update audit_events set record = replace(record::text, 'CHG-1', 'CHG-2')::json where ${home} and number = 2`,
    );
    const { code, err } = await scene.retention(key, '--before', '2024-01-01', ...yes);
    assert.equal(code, 1);
    assert.match(err, /was altered at event .*nothing was removed/);
    assert.equal(await count(), 9);
  });

  test('does not rely on a removal that nobody signed', async () => {
    // As who may write the tables but has no key: the altered event is said to be gone already.
    await scene.attack(
      `update audit_events set record = replace(record::text, 'CHG-1', 'CHG-2')::json where ${home} and number = 1`,
      `insert into audit_removals (id, chain, number, statement, made_at)
       select gen_random_uuid(), chain, number, json_build_object('chain', chain, 'keyId', null, 'link',
         encode(link, 'hex'), 'number', number, 'time', '2026-01-01T00:00:00.000Z', 'type', 'removal')::text, now()
       from audit_events where ${home} and number = 1`,
    );
    const { code, err } = await scene.retention(
      key,
      '--before',
      '2024-01-01',
      '--tenant',
      homeTenant,
      ...yes,
    );
    assert.equal(code, 1);
    assert.match(err, /an earlier removal from .* does not verify .* nothing was removed/);
    assert.equal(await count(), 9);
  });

  test('counts the checkpoints of an earlier key where that is given', async () => {
    const next = await scene.key();
    assert.match((await scene.retention(next, '--before', '2024-01-01')).out, /Nothing to remove/);
    const { out } = await scene.retention(
      next,
      '--before',
      '2024-01-01',
      '--public-key',
      key.publicFile,
      ...yes,
    );
    assert.match(out, /events 1 to 4 .* were removed/);
    const verified = await scene.verify('--public-key', key.publicFile, '--public-key', next.publicFile);
    assert.equal(verified.code, 0, verified.out);
    const keys = await Promise.all([next, key].map(({ publicFile }) => readFile(publicFile, 'utf8')));
    const inOneFile = await scene.verify('--public-key', await scene.file(keys.join('')));
    assert.equal(inOneFile.code, 0, inOneFile.out);
  });

  for (const args of [
    [],
    ['--before', 'yesterday'],
    ['--before', '2024-01-01', '--yes'],
    ['--before', '2999-01-01'],
    ['--older-than', '10'],
    ['--older-than', '10d', '--before', '2024-01-01'],
    ['--before', '2024-01-01', '--tenant', 'x'],
    ['x'],
  ]) {
    test(`says how it is used: ${JSON.stringify(args)}`, async () => {
      const { code, err } = await scene.retention(key, ...args);
      assert.equal(code, 2);
      assert.match(err, /^Usage: audit-retention/);
    });
  }

  test('fails without a key, and as a role that does not own the tables', async () => {
    const noKey = { ...key, privateFile: '' };
    const { code, err } = await scene.retention(noKey, '--before', '2024-01-01');
    assert.equal(code, 1);
    assert.match(err, /AUDIT_SIGNING_KEY_FILE is required/);
    const service = await scene.retentionAs(scene.database.url, key, '--before', '2024-01-01', ...yes);
    assert.equal(service.code, 1);
    assert.match(service.err, /permission denied/);
    assert.equal(await count(), 9);
  });
});
