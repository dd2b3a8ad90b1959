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

  test('nothing is wrong: says so, and what it cannot know', async () => {
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
    const { ok, exitCode, findings, more, chains } = JSON.parse(found.out);
    assert.deepEqual([ok, exitCode, more, chains.length], [false, 10, [], 2]);
    const [{ message, ...rest }, ...others] = findings;
    assert.deepEqual(rest, { kind: 'altered_event', exitCode: 10, chain: homeTenant, number: 3 });
    assert.match(message, /Event 3 was altered/);
    assert.deepEqual(others, []);
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

  test('finds a chain made again with its checkpoints, given outside checkpoints (15)', async () => {
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

  test('finds a checkpoint signed in the name of the key by another (21)', async () => {
    const [row] = (
      await scene.superuser.query(`select statement from audit_checkpoints where ${home} and number = 5`)
    ).rows;
    const signature = foreign.signer.sign(row.statement).toString('hex');
    await scene.attack(
      `update audit_checkpoints set signature = '\\x${signature}' where ${home} and number = 5`,
    );
    const { code, out } = await scene.verify('--public-key', key.publicFile);
    assert.equal(code, 21, out);
    assert.match(out, /signature of a checkpoint is not the key's/);
  });

  test('a removal nobody signed does not excuse missing events (11)', async () => {
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
    assert.equal(found.code, 11, found.out);
    assert.match(found.out, /nobody signed it/);
    assert.match(found.out, /Events 1 to 3 are missing/);
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

  test('goes on after a finding, and names all of them, chain by chain', async () => {
    await scene.attack(
      edit(3),
      `update audit_events set actor_oid = 'x' where ${home} and number = 7`,
      `update audit_events set record = (record::text || ' ')::json where chain = '${otherTenant}' and number = 2`,
    );
    const { out } = await scene.verify('--json', '--public-key', key.publicFile);
    const { exitCode, findings } = JSON.parse(out);
    assert.deepEqual(
      [
        exitCode,
        findings.map((one: { kind: string; chain: string; number: number }) => [
          one.kind,
          one.chain,
          one.number,
        ]),
      ],
      [
        10,
        [
          ['altered_event', homeTenant, 3],
          ['altered_columns', homeTenant, 7],
          ['altered_event', otherTenant, 2],
          ['malformed', otherTenant, 2],
        ],
      ],
    );
  });

  test('what the service’s role can write hides nothing: 100 events that are not canonical, and an edited one', async () => {
    for (let count = 0; count < 100; count += 1) {
      const event = JSON.stringify(sampleEvent(homeTenant));
      await scene.service.query('select record_audit_events($1, 1000)', [`[${event.replace('{', '{ ')}]`]);
    }
    await scene.attack(edit(3));
    const { code, out } = await scene.verify('--public-key', key.publicFile);
    assert.equal(code, 10, out);
    assert.match(out, /altered_event .*: Event 3 was altered/);
    assert.match(out, /Event 13 is not canonical JSON/);
    assert.match(out, new RegExp(`and 80 more of the kind malformed in ${homeTenant}`));
  });

  test('rows that the service’s role can add are findings, and no more than that', async () => {
    const add = (text: string, signature: Buffer | null) =>
      scene.service.query(
        `select add_checkpoint(gen_random_uuid(), $1, $2,
           (select id from audit_checkpoints where chain = '${homeTenant}' order by position desc limit 1))`,
        [text, signature],
      );
    const statement = {
      type: 'checkpoint',
      chain: homeTenant,
      link: 'ab'.repeat(32),
      time: '2026-02-03T00:00:00.000Z',
    } as const;
    const unsigned = sealed({ ...statement, number: 7, previous: null }, null);
    const unknown = sealed({ ...statement, number: 8, previous: null }, foreign.signer);
    await add(unsigned.text, null);
    await add(unknown.text, unknown.signature);
    await add(unknown.text.replace('"number":8', '"number":9223372036854775807'), unknown.signature);
    await add(`{"chain":"${homeTenant}","number":-7,"time":"2026-01-01","type":"checkpoint"}`, null);
    const { rows } = await scene.superuser.query(
      `select statement, signature from audit_checkpoints where ${home} and number = 5`,
    );
    await add(rows[0].statement, rows[0].signature);
    const { code, out } = await scene.verify('--json', '--public-key', key.publicFile);
    assert.equal(code, 13, out);
    const kinds = JSON.parse(out).findings.map(({ kind }: { kind: string }) => kind);
    assert.deepEqual(kinds.toSorted(), [
      'bad_signature',
      'malformed',
      'malformed',
      'malformed',
      'unknown_key',
    ]);
  });

  test('finds a checkpoint deleted from between, and nothing else (21)', async () => {
    await scene.append(sampleEvent(homeTenant));
    await scene.checkpoint(key.signer, '2026-02-04T00:00:00.000Z');
    await scene.attack(`delete from audit_checkpoints where ${home} and number = 10`);
    const { code, out } = await scene.verify('--public-key', key.publicFile);
    assert.equal(code, 21, out);
    assert.match(out, /The checkpoint that the one of event 13 follows is not before it: one was deleted/);
    assert.doesNotMatch(out, /contradicts|missing/);
  });

  test('is not fooled by copies that the role finds first', async () => {
    await scene.attack(
      'create schema copies',
      ...tables.map((table) => `create table copies.${table} as table public.${table}`),
      `grant usage on schema copies to public`,
      ...tables.map((table) => `grant select on copies.${table} to public`),
      edit(3),
      `do $$ begin execute format('alter database %I set search_path = copies, public', current_database()); end $$`,
    );
    try {
      const { code, out } = await scene.verify('--public-key', key.publicFile);
      assert.equal(code, 10, out);
    } finally {
      await scene.superuser.query(
        `do $$ begin execute format('alter database %I reset search_path', current_database()); end $$`,
      );
    }
  });

  test('says so where a table is none', async () => {
    await scene.superuser.query('alter table audit_removals rename to audit_removals_before');
    await scene.superuser.query('create view audit_removals as table audit_removals_before');
    await scene.superuser.query('grant select on audit_removals to public');
    try {
      const { code, out } = await scene.verify('--public-key', key.publicFile);
      assert.equal(code, 19, out);
      assert.match(out, /audit_removals is not a plain table/);
    } finally {
      await scene.superuser.query('drop view audit_removals');
      await scene.superuser.query('alter table audit_removals_before rename to audit_removals');
    }
  });

  test('tells what was signed late, by its own code, and how late (22)', async () => {
    const { code, out } = await scene.verify('--late', '1h', '--public-key', key.publicFile);
    assert.equal(code, 22, out);
    assert.match(
      out,
      /late in .*: Events 1 to 5 were first signed on 2026-02-01T00:00:00.000Z, 13 hours after/,
    );
    assert.match(out, /Events 6 to 10 were first signed on 2026-02-02T00:00:00.000Z, 1 day after/);
    assert.match(out, /Events 11 to 12 were not signed yet, \d+ days after/);
    assert.match(out, /First signed on 2026-02-01T00:00:00.000Z, 13 hours after\./);
    // Without any key nobody says what is late.
    await scene.attack('delete from audit_checkpoints');
    assert.equal((await scene.verify('--late', '1h')).code, 0);
  });

  test('finds a trail that was rewritten and lost its checkpoints late, whatever signed it then (22)', async () => {
    await scene.attack(edit(3), relink(3), rehead, `delete from audit_checkpoints where ${home}`);
    await scene.checkpoint(key.signer, new Date().toISOString());
    const { code, out } = await scene.verify('--late', '30d', '--public-key', key.publicFile);
    assert.equal(code, 22, out);
    assert.match(out, /Events 1 to 12 were first signed on .*, \d+ days after/);
  });

  test('fails where there is no checkpoint in what --checkpoints names (24)', async () => {
    const file = await scene.file('{"level":"info","msg":"listening"}\n');
    const { code, out } = await scene.verify('--public-key', key.publicFile, '--checkpoints', file);
    assert.equal(code, 24, out);
    assert.match(out, /Warning: There is no checkpoint signed with a given key in what --checkpoints names/);
  });

  test('shows a terminal nothing that it would obey', async () => {
    await scene.attack(
      `update audit_checkpoints set statement = E'\\u009b31m\\u202e\\u001b]0;' where ${home} and number = 5`,
    );
    for (const args of [[], ['--json']]) {
      const { out } = await scene.verify(...args, '--public-key', key.publicFile);
      assert.match(out, /\\u009b31m/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there.
      assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    }
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
