import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sealed } from '../../src/adapters/database/statement.ts';
import {
  type AuditScene,
  homeTenant,
  type Key,
  otherTenant,
  sampleEvent,
  startAuditScene,
} from '../support/audit.ts';

const tables = ['audit_events', 'audit_chains', 'audit_checkpoints', 'audit_removals'];
const home = `chain = '${homeTenant}'`;

/** What somebody does who rewrites a chain from one event on and knows how it is made. */
const relink = (from: number) => `
  do $$ declare r record; previous bytea; begin
    for r in select * from audit_events where ${home} order by number loop
      previous := coalesce((select link from audit_events where ${home} and number = r.number - 1),
        audit_genesis('${homeTenant}'));
      if r.number >= ${from} then
        update audit_events set digest = sha256(convert_to(record::text, 'UTF8')),
          link = sha256(previous || sha256(convert_to(record::text, 'UTF8')))
        where ${home} and number = r.number;
      end if;
    end loop;
  end $$`;
const rehead = `update audit_chains set
  length = (select max(number) from audit_events where ${home}),
  head = (select link from audit_events where ${home} order by number desc limit 1) where ${home}`;
const edit = (number: number) => `
  update audit_events set record = replace(record::text, 'CHG-1', 'CHG-2')::json where ${home} and number = ${number}`;

describe('the verifier on a database', () => {
  let scene: AuditScene;
  let key: Key;
  let foreign: Key;
  let outside: string;
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

  const attacks: { name: string; how: string[]; code: number; says: RegExp }[] = [
    { name: 'an edited event', how: [edit(3)], code: 10, says: /Event 3 was altered/ },
    {
      name: 'an edited event with its digest',
      how: [
        edit(3),
        `update audit_events set digest = sha256(convert_to(record::text, 'UTF8')) where ${home} and number = 3`,
      ],
      code: 12,
      says: /The link at event 3 is broken/,
    },
    {
      name: 'an edited event with its digest and link',
      how: [
        edit(3),
        `update audit_events e set digest = sha256(convert_to(record::text, 'UTF8')), link = sha256(
           (select link from audit_events where ${home} and number = 2) || sha256(convert_to(record::text, 'UTF8')))
         where ${home} and number = 3`,
      ],
      code: 12,
      says: /The link at event 4 is broken/,
    },
    {
      name: 'a chain made anew from an edited event on',
      how: [edit(3), relink(3), rehead],
      code: 15,
      says: /contradicts the chain: up to event 5 the events are not those/,
    },
    {
      name: 'a deleted event',
      how: [`delete from audit_events where ${home} and number = 4`],
      code: 11,
      says: /Event 4 is missing/,
    },
    {
      name: 'deleted first events',
      how: [`delete from audit_events where ${home} and number < 4`],
      code: 11,
      says: /Events 1 to 3 are missing.*no signed statement/,
    },
    {
      name: 'a deleted event, the rest moved up and linked anew',
      how: [
        `delete from audit_events where ${home} and number = 4`,
        `update audit_events set number = -number where ${home} and number > 4`,
        `update audit_events set number = -number - 1 where ${home} and number < 0`,
        relink(4),
        rehead,
      ],
      code: 15,
      says: /up to event 5/,
    },
    {
      name: 'two events that changed places',
      how: [
        `update audit_events set number = -number where ${home} and number in (6, 7)`,
        `update audit_events set number = 13 + number where ${home} and number < 0`,
      ],
      code: 12,
      says: /The link at event 6 is broken/,
    },
    {
      name: 'two events that changed places, with everything linked anew',
      how: [
        `update audit_events set number = -number where ${home} and number in (6, 7)`,
        `update audit_events set number = 13 + number where ${home} and number < 0`,
        relink(6),
        rehead,
      ],
      code: 15,
      says: /up to event 10/,
    },
    {
      name: 'an event put in between',
      how: [
        `update audit_events set number = -number where ${home} and number > 6`,
        `update audit_events set number = 1 - number where ${home} and number < 0`,
        `insert into audit_events select chain, 7, gen_random_uuid(), occurred_at, event, actor_oid, operation_id, record, digest, link
         from audit_events where ${home} and number = 6`,
        relink(7),
        rehead,
      ],
      code: 17,
      says: /event 7 is found by were altered: id/,
    },
    {
      name: 'a tail cut off',
      how: [`delete from audit_events where ${home} and number > 8`],
      code: 16,
      says: /the head says that the chain has 12 events, but the last one here is 8/i,
    },
    {
      name: 'a tail cut off, with the head',
      how: [`delete from audit_events where ${home} and number > 8`, rehead],
      code: 16,
      says: /A checkpoint of 2026-02-02.* knows event 10, but the last one here is 8/,
    },
    {
      name: 'a chain without its events',
      how: [`delete from audit_events where ${home}`],
      code: 16,
      says: /has 12 events, but the last one here is 0/,
    },
    {
      name: 'an altered time column',
      how: [
        `update audit_events set occurred_at = occurred_at + interval '1 microsecond' where ${home} and number = 2`,
      ],
      code: 17,
      says: /event 2 .* altered: occurred_at/,
    },
    {
      name: 'an altered actor column',
      how: [`update audit_events set actor_oid = 'x' where ${home} and number = 2`],
      code: 17,
      says: /actor_oid/,
    },
    {
      name: 'an altered id column',
      how: [`update audit_events set id = gen_random_uuid() where ${home} and number = 2`],
      code: 17,
      says: /: id/,
    },
    {
      name: 'an altered event column',
      how: [`update audit_events set event = 'read' where ${home} and number = 2`],
      code: 17,
      says: /: event/,
    },
    {
      name: 'an altered operation column',
      how: [`update audit_events set operation_id = null where ${home} and number = 2`],
      code: 17,
      says: /operation_id/,
    },
    {
      name: 'an event moved to the end of another chain',
      how: [
        `update audit_events set chain = '${otherTenant}', number = 4 where ${home} and number = 12`,
        rehead,
        `update audit_events set link = sha256((select link from audit_events where chain = '${otherTenant}' and number = 3) || digest)
         where chain = '${otherTenant}' and number = 4`,
        `update audit_chains set length = 4, head = (select link from audit_events where chain = '${otherTenant}' and number = 4)
         where chain = '${otherTenant}'`,
      ],
      code: 17,
      says: /event 4 is found by were altered: chain/,
    },
    {
      name: 'an altered head',
      how: [`update audit_chains set head = sha256(head) where ${home}`],
      code: 18,
      says: /The head was altered/,
    },
    {
      name: 'a head set back',
      how: [`update audit_chains set length = 11 where ${home}`],
      code: 18,
      says: /The head was altered: it says event 11/,
    },
    {
      name: 'a missing head',
      how: [`delete from audit_chains where ${home}`],
      code: 18,
      says: /The head of the chain is gone/,
    },
    {
      name: 'a checkpoint with an altered statement',
      how: [
        `update audit_checkpoints set statement = replace(statement, '2026-02-01', '2026-02-03') where ${home} and number = 5`,
      ],
      code: 13,
      says: /signature .* is not the key's/,
    },
    {
      name: 'a checkpoint with another signature',
      how: [`update audit_checkpoints set signature = '\\x00' where ${home} and number = 5`],
      code: 13,
      says: /signature/,
    },
    {
      name: 'a checkpoint without its signature',
      how: [`update audit_checkpoints set signature = null where ${home} and number = 5`],
      code: 13,
      says: /has no signature/,
    },
    {
      name: 'a checkpoint that names no key',
      how: [
        `update audit_checkpoints set statement = regexp_replace(statement, '"keyId":"[0-9a-f]+"', '"keyId":null') where ${home}`,
      ],
      code: 13,
      says: /names no key/,
    },
    {
      name: 'a checkpoint filed under another number',
      how: [`update audit_checkpoints set number = 6 where ${home} and number = 5`],
      code: 11,
      says: /checkpoint of event 5 stands after event 6/,
    },
    {
      name: 'a checkpoint of another chain',
      how: [`update audit_checkpoints set chain = '${otherTenant}' where ${home} and number = 5`],
      code: 15,
      says: /put here from elsewhere/,
    },
    {
      name: 'a checkpoint that is no statement',
      how: [`update audit_checkpoints set statement = '{}' where ${home} and number = 5`],
      code: 19,
      says: /not a statement/,
    },
    {
      name: 'text that is not canonical, with everything linked anew',
      how: [
        `update audit_events set record = (record::text || ' ')::json where ${home} and number = 11`,
        relink(11),
        rehead,
      ],
      code: 19,
      says: /Event 11 is not canonical/,
    },
    {
      name: 'an event that stands twice',
      how: [
        'alter table audit_events drop constraint audit_events_id_key',
        `insert into audit_events select chain, 13, id, occurred_at, event, actor_oid, operation_id, record, digest, sha256((select link from audit_events where ${home} and number = 12) || digest)
         from audit_events where ${home} and number = 3`,
        rehead,
      ],
      code: 20,
      says: /stands more than once/,
    },
  ];
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
      /events 1 to 12 are unproven: no signed checkpoint.* 1 unsigned checkpoints prove nothing/,
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
