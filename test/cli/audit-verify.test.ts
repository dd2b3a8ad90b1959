import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sealed } from '../../src/audit-verification/format/statement.ts';
import {
  type AuditScene,
  homeTenant,
  type Key,
  otherTenant,
  sampleEvent,
  startAuditScene,
} from '../support/audit.ts';
import { attacks, edit, home, rehead, relink, tables } from '../support/audit-attacks.ts';

describe('the verifier on a database', () => {
  let scene: AuditScene;
  let key: Key;
  let foreign: Key;
  let outside: string;
  let outsideOfHome: string;
  before(async () => {
    scene = await startAuditScene();
    key = await scene.key();
    foreign = await scene.key();
    // 12 events of one tenant, 5 and 10 of them signed; 3 of another, all signed.
    const events = (tenantId: string, count: number) =>
      Array.from({ length: count }, () => sampleEvent(tenantId));
    await scene.append(...events(homeTenant, 5));
    const first = await scene.checkpoint(key.signer);
    await scene.append(...events(homeTenant, 5), ...events(otherTenant, 3));
    const second = await scene.checkpoint(key.signer, '2026-02-02T00:00:00.000Z');
    await scene.append(...events(homeTenant, 2));
    outsideOfHome = await scene.file(first);
    outside = await scene.file(`not a log line\n{"level":"info","msg":"listening"}\n${first}pod-1 ${second}`);
    for (const table of tables) await scene.superuser.query(`create table kept_${table} as table ${table}`);
  });
  after(() => scene?.close());
  beforeEach(async () => {
    await scene.attack(
      ...tables.flatMap((table) => [`truncate ${table}`, `insert into ${table} select * from kept_${table}`]),
    );
  });

  test('nothing is wrong: says so, and what it can not know', async () => {
    const { code, out, err } = await scene.verify('--public-key', key.publicFile);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, new RegExp(`${homeTenant}: 12 events, nothing wrong. Signed up to event 10`));
    assert.match(out, new RegExp(`${otherTenant}: 3 events, nothing wrong. Signed up to event 3`));
    assert.match(out, new RegExp(`Warning: ${homeTenant}: events 11 to 12 are unproven`));
    assert.match(out, /Warning: Without outside checkpoints it is unproven that nothing was cut off/);
    assert.doesNotMatch(out, new RegExp(`Warning: ${otherTenant}`));
  });

  test('with outside checkpoints and all of it signed there is nothing left to warn of', async () => {
    const third = await scene.file(await scene.checkpoint(key.signer));
    const { code, out } = await scene.verify(
      ...['--public-key', foreign.publicFile, key.publicFile],
      ...['--checkpoints', outside, '--checkpoints', third],
    );
    assert.equal(code, 0);
    assert.doesNotMatch(out, /Warning/);
  });

  test('says which chain no outside checkpoint speaks for', async () => {
    const { out } = await scene.verify('--public-key', key.publicFile, '--checkpoints', outsideOfHome);
    assert.match(out, new RegExp(`Warning: ${otherTenant}: without an outside checkpoint`));
    assert.doesNotMatch(out, new RegExp(`${homeTenant}: without`));
  });

  test('tells machines the same', async () => {
    const { code, out } = await scene.verify('--json', '--public-key', key.publicFile);
    const result = JSON.parse(out);
    assert.equal(code, 0);
    assert.deepEqual([result.ok, result.chains.length, result.warnings.length], [true, 2, 2]);
    await scene.attack(edit(3));
    const found = await scene.verify('--json', '--public-key', key.publicFile);
    const { message, ...rest } = JSON.parse(found.out);
    assert.deepEqual(rest, { ok: false, exitCode: 10, kind: 'altered_event', chain: homeTenant, number: 3 });
    assert.match(message, /Event 3 was altered/);
  });

  for (const { name, how, code, says } of attacks) {
    test(`finds ${name} (${code})`, async () => {
      await scene.attack(...how);
      const found = await scene.verify('--public-key', key.publicFile);
      assert.deepEqual([found.code, found.err], [code, ''], found.out);
      assert.match(found.out, says);
    });
  }

  test('finds a tail cut off together with its checkpoints, given outside checkpoints (16)', async () => {
    await scene.attack(
      `delete from audit_events where ${home} and number > 8`,
      `delete from audit_checkpoints where ${home} and number > 8`,
      rehead,
    );
    const without = await scene.verify('--public-key', key.publicFile);
    assert.equal(without.code, 0, without.out);
    assert.match(without.out, /Warning: Without outside checkpoints it is unproven/);
    const found = await scene.verify('--public-key', key.publicFile, '--checkpoints', outside);
    assert.equal(found.code, 16);
    assert.match(
      found.out,
      /An outside checkpoint of 2026-02-02.* knows event 10, but the last one here is 8/,
    );
  });

  test('finds a chain that is gone altogether, given outside checkpoints (16)', async () => {
    await scene.attack(...tables.map((table) => `delete from ${table} where ${home}`));
    assert.equal((await scene.verify('--public-key', key.publicFile)).code, 0);
    const found = await scene.verify('--public-key', key.publicFile, '--checkpoints', outside);
    assert.equal(found.code, 16);
    assert.match(found.out, /the whole chain/);
  });

  test('finds a chain made anew with its checkpoints, given outside checkpoints (15)', async () => {
    await scene.attack(edit(3), relink(3), rehead, `delete from audit_checkpoints where ${home}`);
    assert.equal((await scene.verify('--public-key', key.publicFile)).code, 0);
    const found = await scene.verify('--public-key', key.publicFile, '--checkpoints', outside);
    assert.equal(found.code, 15);
    assert.match(found.out, /An outside checkpoint of 2026-02-01/);
  });

  test('finds a key that nobody gave (14)', async () => {
    const found = await scene.verify('--public-key', foreign.publicFile);
    assert.equal(found.code, 14);
    assert.match(found.out, new RegExp(`signed with the key ${key.signer.keyId}`));
    assert.equal((await scene.verify()).code, 14);
  });

  test('finds a checkpoint signed in the name of the key by another (13)', async () => {
    const [row] = (
      await scene.superuser.query(`select statement from audit_checkpoints where ${home} and number = 5`)
    ).rows;
    const signature = foreign.signer.sign(row.statement).toString('hex');
    await scene.attack(
      `update audit_checkpoints set signature = '\\x${signature}' where ${home} and number = 5`,
    );
    assert.equal((await scene.verify('--public-key', key.publicFile)).code, 13);
  });

  test('a removal nobody signed does not excuse missing events (13)', async () => {
    const [row] = (
      await scene.superuser.query(
        `select encode(link, 'hex') as link from audit_events where ${home} and number = 3`,
      )
    ).rows;
    const time = '2026-02-01T00:00:00.000Z';
    const { text } = sealed({ type: 'removal', chain: homeTenant, number: 3, link: row.link, time }, null);
    await scene.attack(
      `delete from audit_events where ${home} and number <= 3`,
      `insert into audit_removals values (gen_random_uuid(), '${homeTenant}', 3, '${text}', null, null, now())`,
    );
    const found = await scene.verify('--public-key', key.publicFile);
    assert.equal(found.code, 13, found.out);
    assert.match(found.out, /nobody signed it/);
  });

  test('unsigned checkpoints prove nothing, and it says so', async () => {
    await scene.attack('delete from audit_checkpoints');
    await scene.checkpoint(null);
    const { code, out } = await scene.verify();
    assert.equal(code, 0);
    assert.match(
      out,
      /events 1 to 12 are unproven: no signed checkpoint.* The unsigned checkpoints prove nothing/,
    );
    // What they say must hold all the same.
    await scene.attack(edit(3), relink(3), rehead);
    assert.equal((await scene.verify()).code, 15);
  });

  const misuses = [['--bogus'], ['a.ndjson', 'b.ndjson'], ['--public-key']];
  for (const args of misuses) {
    test(`says how it is used (2): ${JSON.stringify(args)}`, async () => {
      const { code, err } = await scene.verifyOffline(...args);
      assert.equal(code, 2);
      assert.match(err, /^Usage: audit-verify/);
    });
  }

  test('says what keeps it from looking (1)', async () => {
    for (const [args, says] of [
      [[], /DATABASE_URL is required/],
      [['nowhere.ndjson'], /could not be checked.*nowhere/],
      [['--public-key', 'nowhere.pem'], /nowhere.pem/],
      [['--public-key', key.privateFile, 'x.ndjson'], /could not be checked/],
    ] as const) {
      const { code, err } = await scene.verifyOffline(...args);
      assert.equal(code, 1, err);
      assert.match(err, says);
    }
  });
});
